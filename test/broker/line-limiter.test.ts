import { expect, test } from "bun:test"
import { LineLimiter } from "../../src/broker/line-limiter.ts"

test("a flood of one kind is cut, counted, and does not hide another kind", () => {
  const lines: string[] = []
  const limiter = new LineLimiter((line) => lines.push(line), 2)
  for (let i = 0; i < 1000; i++) limiter.log("bad input", `bad ${i}`, 5000 + (i % 900))
  limiter.log("peer link", "peer", 5999)
  expect(lines).toEqual(["bad 0", "bad 1", "peer"])
  limiter.log("bad input", "bad again", 6000)
  expect(lines.slice(3)).toEqual(["bad input: 998 more lines like the last one", "bad again"])
})
