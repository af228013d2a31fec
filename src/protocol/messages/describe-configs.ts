import { defineApi, array, bool, int16, int32, int8, string } from "../schema.ts"

/**
 * The settings of topics, brokers and groups with their source.
 * 1: source and synonyms · 3: type and documentation · 4: flexible.
 */
export const describeConfigs = defineApi({
  key: 32,
  name: "DescribeConfigs",
  versions: [1, 4],
  flexibleSince: 4,
  request: {
    resources: array("0+", {
      // 2 topic · 4 broker · 8 broker logger · 16 client metrics · 32 group.
      resourceType: int8("0+"),
      resourceName: string("0+"),
      // Null: all.
      configurationKeys: array("0+", "string", { nullable: "0+" }),
    }),
    includeSynonyms: bool("1+"),
    includeDocumentation: bool("3+"),
  },
  response: {
    throttleTimeMs: int32("0+"),
    results: array("0+", {
      errorCode: int16("0+"),
      errorMessage: string("0+", { nullable: "0+" }),
      resourceType: int8("0+"),
      resourceName: string("0+"),
      configs: array("0+", {
        name: string("0+"),
        // Null for secrets.
        value: string("0+", { nullable: "0+" }),
        readOnly: bool("0+"),
        // 1 topic · 2 broker · 3 all brokers · 4 broker's file · 5 default.
        configSource: int8("1+", { default: -1, ignorable: true }),
        isSensitive: bool("0+"),
        synonyms: array(
          "1+",
          {
            name: string("1+"),
            value: string("1+", { nullable: "0+" }),
            source: int8("1+"),
          },
          { ignorable: true },
        ),
        configType: int8("3+", { ignorable: true }),
        documentation: string("3+", { nullable: "0+", ignorable: true }),
      }),
    }),
  },
})
