/**
 * Broker settings of TLS, SASL, tokens and authorization, which varve does not have yet. Whoever
 * sets one of them at start is refused: a broker that is less safe than it was told to be must not
 * run.
 */
import { configTable } from "./config-table.ts"

export const brokerSecurityTable = configTable(`
! there is no TLS yet
security.inter.broker.protocol | string | PLAINTEXT | \
of PLAINTEXT,SSL,SASL_PLAINTEXT,SASL_SSL | fixed
  How brokers speak to each other.
listener.security.protocol.map | string | \
SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT | any | broker
  Which protocol each listener speaks.
ssl.allow.dn.changes | boolean | false | any | fixed
  Whether a new key store may have another distinguished name.
ssl.allow.san.changes | boolean | false | any | fixed
  Whether a new key store may have other alternative names.
ssl.cipher.suites | list | "" | any | broker
  The cipher suites that may be used.
ssl.client.auth | string | none | of required,requested,none | broker
  Whether clients need certificates.
ssl.enabled.protocols | list | TLSv1.2,TLSv1.3 | any | broker
  The versions of TLS that may be used.
ssl.endpoint.identification.algorithm | string | https | any | broker
  How the name of a host is checked.
ssl.engine.factory.class | class | - | any | broker
  The class that makes TLS engines.
ssl.key.password | password | - | any | listener
  The password of the private key.
ssl.keymanager.algorithm | string | SunX509 | any | broker
  The algorithm of the key manager.
ssl.keystore.certificate.chain | password | - | any | listener
  The certificates, as PEM.
ssl.keystore.key | password | - | any | listener
  The private key, as PEM.
ssl.keystore.location | string | - | any | listener
  The file with the key store.
ssl.keystore.password | password | - | any | listener
  Its password.
ssl.keystore.type | string | JKS | any | listener
  Its kind.
ssl.principal.mapping.rules | string | DEFAULT | any | fixed
  How the name in a certificate becomes a principal.
ssl.protocol | string | TLSv1.3 | any | broker
  The version of TLS.
ssl.provider | string | - | any | broker
  The security provider.
ssl.secure.random.implementation | string | - | any | broker
  The source of chance.
ssl.trustmanager.algorithm | string | PKIX | any | broker
  The algorithm of the trust manager.
ssl.truststore.certificates | password | - | any | listener
  The trusted certificates, as PEM.
ssl.truststore.location | string | - | any | listener
  The file with the trust store.
ssl.truststore.password | password | - | any | listener
  Its password.
ssl.truststore.type | string | JKS | any | listener
  Its kind.
! there is no authentication yet
sasl.enabled.mechanisms | list | GSSAPI | any | broker
  The mechanisms that clients may use.
sasl.mechanism.inter.broker.protocol | string | GSSAPI | any | broker
  The mechanism that brokers use.
sasl.mechanism.controller.protocol | string | GSSAPI | any | fixed
  The mechanism that controllers use.
sasl.jaas.config | password | - | any | broker
  The login, as JAAS.
sasl.client.callback.handler.class | class | - | any | fixed
  The class that answers a client's questions.
sasl.server.callback.handler.class | class | - | any | fixed
  The class that answers a server's questions.
sasl.server.max.receive.size | int | 524288 | any | fixed
  The largest token taken.
sasl.login.callback.handler.class | class | - | any | fixed
  The class that answers a login's questions.
sasl.login.class | class | - | any | fixed
  The class of the login.
sasl.login.connect.timeout.ms | int | - | any | fixed
  How long connecting to the provider may take.
sasl.login.read.timeout.ms | int | - | any | fixed
  How long reading from it may take.
sasl.login.refresh.buffer.seconds | short | 300 | any | broker
  How long before its end a login is renewed.
sasl.login.refresh.min.period.seconds | short | 60 | any | broker
  How long a login is kept at least.
sasl.login.refresh.window.factor | double | 0.8 | any | broker
  At which part of its life a login is renewed.
sasl.login.refresh.window.jitter | double | 0.05 | any | broker
  By how much, drawn by chance, that varies.
sasl.login.retry.backoff.ms | long | 100 | any | fixed
  How long is waited before logging in again.
sasl.login.retry.backoff.max.ms | long | 10000 | any | fixed
  How long is waited at most.
sasl.kerberos.kinit.cmd | string | /usr/bin/kinit | any | broker
  Where kinit is.
sasl.kerberos.min.time.before.relogin | long | 60000 | any | broker
  How long it is from one login to the next at least.
sasl.kerberos.principal.to.local.rules | list | DEFAULT | any | broker
  How a principal becomes a short name.
sasl.kerberos.service.name | string | - | any | broker
  The name of the service.
sasl.kerberos.ticket.renew.jitter | double | 0.05 | any | broker
  By how much, drawn by chance, the renewal varies.
sasl.kerberos.ticket.renew.window.factor | double | 0.8 | any | broker
  At which part of its life a ticket is renewed.
sasl.oauthbearer.assertion.algorithm | string | RS256 | any-case ES256,RS256 | fixed
  How an assertion is signed.
sasl.oauthbearer.assertion.claim.aud | string | - | any | fixed
  Its audience.
sasl.oauthbearer.assertion.claim.exp.seconds | int | 300 | 0..86400 | fixed
  How long it is good for.
sasl.oauthbearer.assertion.claim.iss | string | - | any | fixed
  Its issuer.
sasl.oauthbearer.assertion.claim.jti.include | boolean | false | any | fixed
  Whether it has an id.
sasl.oauthbearer.assertion.claim.nbf.seconds | int | 60 | 0..3600 | fixed
  How long before now it begins.
sasl.oauthbearer.assertion.claim.sub | string | - | any | fixed
  Its subject.
sasl.oauthbearer.assertion.file | string | - | any | fixed
  The file with an assertion.
sasl.oauthbearer.assertion.private.key.file | string | - | any | fixed
  The file with the key that signs it.
sasl.oauthbearer.assertion.private.key.passphrase | password | - | any | fixed
  The passphrase of that key.
sasl.oauthbearer.assertion.template.file | string | - | any | fixed
  The file with its template.
sasl.oauthbearer.client.credentials.client.id | string | - | any | fixed
  The client's id.
sasl.oauthbearer.client.credentials.client.secret | password | - | any | fixed
  The client's secret.
sasl.oauthbearer.clock.skew.seconds | int | 30 | any | fixed
  By how much clocks may differ.
sasl.oauthbearer.expected.audience | list | "" | any | fixed
  The audiences a token may have.
sasl.oauthbearer.expected.issuer | string | - | any | fixed
  The issuer a token must have.
sasl.oauthbearer.jwks.endpoint.refresh.ms | long | 3600000 | any | fixed
  How often the keys are fetched.
sasl.oauthbearer.jwks.endpoint.retry.backoff.ms | long | 100 | any | fixed
  How long is waited before they are fetched again.
sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms | long | 10000 | any | fixed
  How long is waited at most.
sasl.oauthbearer.jwks.endpoint.url | string | - | any | fixed
  Where the keys are.
sasl.oauthbearer.jwt.retriever.class | class | \
org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever | any | fixed
  The class that fetches tokens.
sasl.oauthbearer.jwt.validator.class | class | \
org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator | any | fixed
  The class that checks them.
sasl.oauthbearer.scope | string | - | any | fixed
  The scope that is asked for.
sasl.oauthbearer.scope.claim.name | string | scope | any | fixed
  The claim with the scope.
sasl.oauthbearer.sub.claim.name | string | sub | any | fixed
  The claim with the subject.
sasl.oauthbearer.token.endpoint.url | string | - | any | fixed
  Where tokens are.
connections.max.reauth.ms | long | 0 | any | fixed
  After how long a connection must authenticate again.
connection.failed.authentication.delay.ms | int | 100 | >=0 | fixed
  How long a failed authentication waits for its answer.
principal.builder.class | class | \
org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder | any | broker
  The class that makes principals.
security.providers | string | - | any | fixed
  Classes of security providers.
! there is no authorization yet
authorizer.class.name | string | "" | any | fixed
  The class that says who may do what.
! there are no delegation tokens yet
delegation.token.secret.key | password | - | any | fixed
  The secret that tokens are made with.
= Without effect: there are no delegation tokens yet.
delegation.token.expiry.check.interval.ms | long | 3600000 | >=1 | fixed
  How often old tokens are removed.
delegation.token.expiry.time.ms | long | 86400000 | >=1 | fixed
  How long a token is good for until it is renewed.
delegation.token.max.lifetime.ms | long | 604800000 | >=1 | fixed
  How long a token is good for at most.
`)
