// What the module does with a browser and a server that answer as they like. Both are fakes; a real browser is in e2e.
import assert from "node:assert/strict"
import { afterEach, beforeEach, mock, test } from "node:test"
import { Passkeys, PasskeyError } from "./mapae.js"

const tick = () => new Promise(resolve => setImmediate(resolve))
const settle = async () => { for (let i = 0; i < 50; i++) await tick() }

/** A browser: calls that are pending until the test answers them. */
class Browser {
  calls = []

  call(kind) {
    return ({ publicKey, signal, mediation }) => new Promise((resolve, reject) => {
      const call = { kind, publicKey, signal, mediation, resolve, reject, settled: false }
      this.calls.push(call)
      signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")))
    })
  }

  get last() { return this.calls[this.calls.length - 1] }
}

/** A server: answers by method and path, in order, the last one for ever. */
class Server {
  log = []
  routes = {}

  fetch = async (url, init) => {
    const { method, headers, body, signal } = init
    this.log.push({ what: `${method} ${url}`, headers, body: body && JSON.parse(body), init })
    if (signal && signal.aborted) throw new DOMException("aborted", "AbortError")
    const answers = this.routes[`${method} ${url}`]
    if (!answers) throw new TypeError(`no route ${method} ${url}`)
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    if (answer instanceof Error) throw answer
    const [status, json] = Array.isArray(answer) ? answer : [200, answer]
    return { ok: status < 300, status, json: async () => JSON.parse(JSON.stringify(json)) }
  }

  count(what) { return this.log.filter(one => one.what === what).length }
}

const request = { success: true, request_options: { publicKey: { challenge: "AQID", rpId: "example.com", timeout: 300000 } } }
const creation = {
  success: true, ticket: "mt_1",
  creation_options: {
    publicKey: {
      challenge: "AQID", rp: { id: "example.com", name: "Example" }, user: { id: "BAUG", name: "a", displayName: "A" },
      pubKeyCredParams: [], excludeCredentials: [{ type: "public-key", id: "BwgJ" }],
    },
  },
}
const signedIn = { success: true, session: { id: "s" }, user: { id: "u" } }
const credential = { id: "AAEC", toJSON: () => ({ id: "AAEC" }) }
const problem = (status, code, more) => [status, { code, message: `says ${code}`, request_id: "r1", ...more }]

const names = {
  options: "/api/auth/passkey/options", verify: "/api/auth/passkey/verify", made: "/api/auth/signup/passkey/complete",
  signUp: "/api/auth/signup/passkey/options", add: "/api/webauthn/register/options/", added: "/api/webauthn/register/complete/",
  reauth: "/api/webauthn/verify/", reauthOptions: "/api/webauthn/authenticate/options/",
}

let browser, server, passkeys, pageshow

beforeEach(() => {
  browser = new Browser()
  server = new Server()
  server.routes = {
    [`GET ${names.options}`]: [request], [`POST ${names.options}`]: [request], [`POST ${names.verify}`]: [signedIn],
    [`POST ${names.signUp}`]: [creation], [`POST ${names.made}`]: [signedIn],
    [`GET ${names.add}`]: [creation], [`POST ${names.added}`]: [{ success: true, passkey: { id: "AAEC", name: "Passkey 2" } }],
    [`GET ${names.reauthOptions}`]: [request], [`POST ${names.reauth}`]: [signedIn],
    "DELETE /api/webauthn/AAEC/": [{ success: true }],
  }
  pageshow = new Set()
  define("PublicKeyCredential", class {
    static isConditionalMediationAvailable = async () => true
    static isUserVerifyingPlatformAuthenticatorAvailable = async () => true
    static parseRequestOptionsFromJSON = json => ({ native: json })
    static parseCreationOptionsFromJSON = json => ({ native: json })
    static signalUnknownCredential = mock.fn(async () => {})
  })
  define("navigator", { credentials: { get: browser.call("get"), create: browser.call("create") } })
  define("fetch", server.fetch)
  define("location", { origin: "https://example.com" })
  define("addEventListener", (type, f) => pageshow.add(f))
  define("removeEventListener", (type, f) => pageshow.delete(f))
  passkeys = new Passkeys({ base: "" })
})

const clock = { setTimeout, clearTimeout }

/** Stops the clock; what it returns moves it on. */
function stopTime() {
  const timers = new Map()
  let now = 0
  let id = 0
  define("setTimeout", (f, ms, ...args) => {
    timers.set(++id, { at: now + ms, run: () => f(...args) })
    return id
  })
  define("clearTimeout", timer => timers.delete(timer))
  return ms => {
    now += ms
    const due = [...timers].filter(([, timer]) => timer.at <= now)
    for (const [timer, { run }] of due) {
      timers.delete(timer)
      run()
    }
  }
}

afterEach(async () => {
  define("setTimeout", clock.setTimeout)
  define("clearTimeout", clock.clearTimeout)
  for (const stop of passkeys._armed) stop()
  await settle()
})

function define(name, value) { Object.defineProperty(globalThis, name, { value, configurable: true, writable: true }) }

const forgotten = () => PublicKeyCredential.signalUnknownCredential.mock.calls.map(call => call.arguments[0])

/** Arms autofill and waits until the browser has been asked. */
async function armed() {
  const heard = { success: [], errors: [] }
  heard.stop = passkeys.autofill({ onSuccess: r => heard.success.push(r), onError: e => heard.errors.push(e) })
  await settle()
  return heard
}

test("signing in asks for options, asks the browser, and posts its whole answer", async () => {
  const result = passkeys.signIn({ email: "a@example.com" })
  await settle()
  assert.equal(browser.last.mediation, undefined)
  assert.deepEqual(browser.last.publicKey, { native: request.request_options.publicKey })
  browser.last.resolve(credential)
  assert.deepEqual(await result, signedIn)
  assert.deepEqual(server.log.map(one => [one.what, one.body]), [
    [`POST ${names.options}`, { email: "a@example.com" }],
    [`POST ${names.verify}`, { credential: { id: "AAEC" } }],
  ])
  assert.equal(server.log[0].headers["Content-Type"], "application/json")
})

test("signing up carries its ticket in a header", async () => {
  const result = passkeys.signUp({ email: "a@example.com", name: "A" })
  await settle()
  assert.equal(browser.last.kind, "create")
  browser.last.resolve(credential)
  assert.deepEqual(await result, signedIn)
  assert.equal(server.log[0].headers["Mapae-Ticket"], undefined)
  assert.equal(server.log[1].headers["Mapae-Ticket"], "mt_1")
})

test("a sign-up whose address has to be proven says so, and goes on with the ticket of the proven one", async () => {
  server.routes[`POST ${names.signUp}`] = [{ success: true, ticket: "mt_1", email_code_required: true }, creation]
  assert.equal((await passkeys.signUp({ email: "a@example.com", name: "A" })).email_code_required, true)
  assert.equal(browser.last, undefined)
  const result = passkeys.signUp({ ticket: "mt_2" })
  await settle()
  browser.last.resolve(credential)
  assert.deepEqual(await result, signedIn)
  assert.deepEqual(server.log.map(one => one.headers["Mapae-Ticket"]), [undefined, "mt_2", "mt_2"])
  assert.deepEqual(server.log[1].body, {})
})

for (const [name, code, kind, quiet] of [
  ["NotAllowedError", "cancelled", "get", true],
  ["AbortError", "aborted", "get", true],
  ["SecurityError", "origin", "get", false],
  ["NotSupportedError", "unsupported", "create", false],
  ["InvalidStateError", "exists", "create", false],
  ["InvalidStateError", "failed", "get", false],
  ["UnknownError", "failed", "get", false],
]) {
  test(`the browser's ${name} on ${kind} is ${code}`, async () => {
    mock.method(console, "error", () => {})
    const result = kind === "get" ? passkeys.signIn() : passkeys.signUp({ email: "a", name: "b" })
    await settle()
    const cause = new DOMException("no", name)
    browser.last.reject(cause)
    await assert.rejects(result, e => e instanceof PasskeyError && e.code === code && e.quiet === quiet && e.cause === cause)
  })
}

test("a frame without permission is told apart from a cancel", async () => {
  const result = passkeys.signIn()
  await settle()
  browser.last.reject(new DOMException("… Permissions Policy may be used to delegate …", "NotAllowedError"))
  await assert.rejects(result, { code: "policy", quiet: false })
})

for (const [status, server_, code] of [
  [400, "ceremony_invalid", "expired"], [401, "passkey_unknown", "unknown_passkey"], [401, "authentication_failed", "failed"],
  [403, "origin_rejected", "origin"], [403, "forbidden", "policy"], [409, "login_taken", "failed"], [429, "rate_limited", "locked"],
  [500, "internal", "server"], [503, "unavailable", "server"],
]) {
  test(`the server's ${server_} is ${code}`, async () => {
    const answer = problem(status, server_, { retry_after: 7, field: "email" })
    server.routes[`POST ${names.options}`] = [answer]
    await assert.rejects(passkeys.signIn(), {
      name: "PasskeyError", code, status, requestId: "r1", cause: answer[1], message: `says ${server_}`, quiet: false,
    })
  })
}

test("no connection is network, and an answer that is no JSON is server", async () => {
  server.routes[`POST ${names.options}`] = [new TypeError("fetch failed")]
  await assert.rejects(passkeys.signIn(), { code: "network", status: undefined })
  define("fetch", async () => ({ ok: true, status: 200, json: async () => { throw new SyntaxError("<html>") } }))
  await assert.rejects(passkeys.signIn(), { code: "server", status: 200 })
})

test("the caller's own reason is what an aborted call rejects with", async () => {
  const controller = new AbortController()
  const result = passkeys.signIn({ signal: controller.signal })
  await settle()
  const reason = new Error("the dialogue was closed")
  controller.abort(reason)
  await assert.rejects(result, reason)
  await assert.rejects(passkeys.signIn({ signal: controller.signal }), reason)
  assert.equal(browser.calls.length, 1)
})

test("a browser that says a request is pending is asked once more", async () => {
  const pass = stopTime()
  const result = passkeys.signIn()
  await settle()
  browser.last.reject(new DOMException("A request is already pending.", "OperationError"))
  await settle()
  assert.equal(browser.calls.length, 1)
  pass(200)
  await settle()
  assert.equal(browser.calls.length, 2)
  browser.last.reject(new DOMException("A request is already pending.", "OperationError"))
  await assert.rejects(result, { code: "failed" })
  assert.equal(browser.calls.length, 2)
})

test("autofill arms at once, conditionally, and hands over who signed in", async () => {
  const heard = await armed()
  assert.equal(browser.last.mediation, "conditional")
  browser.last.resolve(credential)
  await settle()
  assert.deepEqual(heard.success, [signedIn])
  assert.equal(browser.calls.length, 1)
  assert.equal(pageshow.size, 0)
})

for (const [what, prepare] of [
  ["without autofill", () => { PublicKeyCredential.isConditionalMediationAvailable = async () => false }],
  ["that does not know of autofill", () => { delete PublicKeyCredential.isConditionalMediationAvailable }],
  ["without passkeys", () => define("PublicKeyCredential", undefined)],
]) {
  test(`a browser ${what} is left alone`, async () => {
    prepare()
    const heard = await armed()
    assert.deepEqual([browser.calls.length, server.log.length, heard.errors.length, pageshow.size], [0, 0, 0, 0])
  })
}

test("a click ends autofill's call before it makes its own, and a cancel arms it again", async () => {
  const heard = await armed()
  const first = browser.last
  const result = passkeys.signIn()
  await settle()
  assert.equal(first.signal.aborted, true)
  assert.deepEqual(browser.calls.map(call => call.mediation), ["conditional", undefined])
  browser.last.reject(new DOMException("no", "NotAllowedError"))
  await assert.rejects(result, { code: "cancelled" })
  await settle()
  assert.deepEqual(browser.calls.map(call => call.mediation), ["conditional", undefined, "conditional"])
  assert.deepEqual(heard.errors, [])
})

test("a click waits until the browser has let go of autofill's call", async () => {
  let letGo
  navigator.credentials.get = options => {
    const call = browser.call("get")({ ...options, signal: new AbortController().signal })
    letGo = letGo || browser.last.reject
    return call
  }
  await armed()
  const result = passkeys.signIn()
  await settle()
  assert.equal(browser.calls.length, 1)
  letGo(new DOMException("aborted", "AbortError"))
  await settle()
  assert.equal(browser.calls.length, 2)
  browser.last.resolve(credential)
  await result
})

test("a password manager that never answers loses the slot after a second", async () => {
  const pass = stopTime()
  navigator.credentials.get = options => browser.call("get")({ ...options, signal: new AbortController().signal })
  await armed()
  const result = passkeys.signIn()
  await settle()
  assert.equal(browser.calls.length, 1)
  pass(1000)
  await settle()
  assert.equal(browser.calls.length, 2)
  browser.last.resolve(credential)
  await result
})

test("a dialogue that never settles ends as cancelled after its time, and so does one that ignores the abort", async () => {
  const pass = stopTime()
  for (const deaf of [false, true]) {
    if (deaf) navigator.credentials.get = options => browser.call("get")({ ...options, signal: new AbortController().signal })
    const result = passkeys.signIn()
    await settle()
    let ended = false
    result.catch(() => { ended = true })
    pass(304999)
    await settle()
    assert.equal(ended, false)
    pass(1)
    await settle()
    if (deaf) pass(1000)
    await assert.rejects(result, { code: "cancelled", quiet: true })
  }
  assert.equal(browser.calls[0].signal.aborted, true)
})

test("a second click takes the place of the first, whose caller hears aborted", async () => {
  const first = passkeys.signIn()
  await settle()
  const second = passkeys.signIn()
  await assert.rejects(first, { code: "aborted", quiet: true })
  await settle()
  browser.last.resolve(credential)
  assert.deepEqual(await second, signedIn)
})

test("signing in by a click ends autofill for good", async () => {
  await armed()
  const result = passkeys.signIn()
  await settle()
  browser.last.resolve(credential)
  await result
  await settle()
  assert.deepEqual(browser.calls.map(call => call.mediation), ["conditional", undefined])
})

test("autofill gets a new challenge at three quarters of the old one's life", async () => {
  const pass = stopTime()
  await armed()
  pass(224999)
  await settle()
  assert.equal(browser.calls.length, 1)
  pass(1)
  await settle()
  assert.equal(browser.calls.length, 2)
  assert.equal(browser.calls[0].signal.aborted, true)
  assert.equal(server.count(`GET ${names.options}`), 2)
})

test("autofill gets a new challenge when the page comes back from the browser's cache", async () => {
  await armed()
  for (const shown of pageshow) shown({ persisted: false })
  await settle()
  assert.equal(browser.calls.length, 1)
  for (const shown of pageshow) shown({ persisted: true })
  await settle()
  assert.equal(browser.calls.length, 2)
})

test("a cancelled pick arms autofill again and says nothing", async () => {
  const pass = stopTime()
  const heard = await armed()
  browser.last.reject(new DOMException("no", "NotAllowedError"))
  await settle()
  pass(250)
  await settle()
  assert.equal(browser.calls.length, 2)
  assert.deepEqual(heard.errors, [])
})

test("a browser that rejects every call is asked more and more seldom", async () => {
  const pass = stopTime()
  navigator.credentials.get = async () => { browser.calls.push({}); throw new DOMException("no", "NotAllowedError") }
  await armed()
  for (let i = 0; i < 60; i++) {
    pass(1000)
    await settle()
  }
  assert.ok(browser.calls.length >= 5 && browser.calls.length <= 9, `${browser.calls.length} calls in a minute`)
})

test("an origin that can't work stops autofill without a word to the person", async () => {
  mock.method(console, "error", () => {})
  const heard = await armed()
  browser.last.reject(new DOMException("bad", "SecurityError"))
  await settle()
  assert.deepEqual([heard.errors.length, passkeys._armed.size], [0, 0])
})

test("a challenge of a cookie that was replaced gets a new one once, unseen; a second time the person hears of it", async () => {
  const pass = stopTime()
  server.routes[`POST ${names.verify}`] = [problem(400, "ceremony_invalid")]
  const heard = await armed()
  for (const [picks, errors] of [[1, 0], [2, 1]]) {
    browser.last.resolve(credential)
    await settle()
    assert.equal(heard.errors.length, errors, `after pick ${picks}`)
    pass(1000)
    await settle()
    assert.equal(browser.calls.length, picks + 1)
  }
  assert.equal(heard.errors[0].code, "expired")
})

test("a passkey that the server does not know is signalled, told, and autofill armed again", async () => {
  const pass = stopTime()
  const signals = { signalUnknownCredential: { rpId: "example.com", credentialId: "AAEC" } }
  server.routes[`POST ${names.verify}`] = [problem(401, "passkey_unknown", { signals })]
  const heard = await armed()
  browser.last.resolve(credential)
  await settle()
  assert.equal(heard.errors[0].code, "unknown_passkey")
  assert.deepEqual(forgotten(), [{ rpId: "example.com", credentialId: "AAEC" }])
  pass(250)
  await settle()
  assert.equal(browser.calls.length, 2)
})

test("an answer that comes after autofill was stopped is dropped", async () => {
  const heard = await armed()
  browser.last.resolve(credential)
  heard.stop()
  await settle()
  assert.deepEqual([heard.success, heard.errors], [[], []])
})

for (const [what, answer, signals] of [
  ["was refused", problem(400, "registration_rejected"), 1],
  ["found it there", problem(409, "credential_exists"), 0],
  ["had a server in trouble", problem(503, "unavailable"), 0],
  ["had no answer", new TypeError("fetch failed"), 0],
]) {
  test(`a new passkey whose saving ${what} is ${signals ? "" : "not "}signalled as unknown`, async () => {
    server.routes[`POST ${names.made}`] = [answer]
    const result = passkeys.signUp({ email: "a", name: "b" })
    await settle()
    browser.last.resolve(credential)
    await assert.rejects(result, PasskeyError)
    assert.equal(forgotten().length, signals)
  })
}

test("adding a passkey steps up where the server asks for it, then does the same call again", async () => {
  server.routes[`GET ${names.add}`] = [problem(403, "step_up_required"), creation]
  const result = passkeys.create({ name: "Blue key" })
  await settle()
  assert.equal(browser.last.kind, "get")
  browser.last.resolve(credential)
  await settle()
  assert.equal(browser.last.kind, "create")
  browser.last.resolve(credential)
  assert.deepEqual(await result, { id: "AAEC", name: "Passkey 2" })
  assert.deepEqual(server.log.map(one => one.what), [
    `GET ${names.add}`, `GET ${names.reauthOptions}`, `POST ${names.reauth}`, `GET ${names.add}`, `POST ${names.added}`,
  ])
  assert.deepEqual(server.log[4].body, { credential: { id: "AAEC" }, name: "Blue key" })
})

test("removing steps up once, and a cancelled step-up removes nothing", async () => {
  const path = "DELETE /api/webauthn/AAEC/"
  server.routes[path] = [problem(403, "step_up_required"), { success: true }]
  let result = passkeys.remove("AAEC")
  await settle()
  browser.last.resolve(credential)
  await result
  assert.equal(server.count(path), 2)

  server.routes[path] = [problem(403, "step_up_required")]
  result = passkeys.remove("AAEC")
  await settle()
  browser.last.reject(new DOMException("no", "NotAllowedError"))
  await assert.rejects(result, { code: "cancelled", quiet: true })
  assert.equal(server.count(path), 3)
})

test("a step-up that does not help ends the call", async () => {
  server.routes["DELETE /api/webauthn/AAEC/"] = [problem(403, "step_up_required")]
  const result = passkeys.remove("AAEC")
  await settle()
  browser.last.resolve(credential)
  await assert.rejects(result, { status: 403 })
})

test("listing, renaming and signing out call their routes", async () => {
  server.routes["GET /api/webauthn/"] = [{ passkeys: [{ id: "AAEC" }] }]
  server.routes["PATCH /api/webauthn/AAEC/"] = [{ passkey: { id: "AAEC", name: "New" } }]
  server.routes["POST /api/auth/logout"] = [{ success: true }]
  assert.deepEqual(await passkeys.list(), [{ id: "AAEC" }])
  assert.deepEqual(await passkeys.rename("AAEC", "New"), { id: "AAEC", name: "New" })
  await passkeys.signOut()
  assert.deepEqual(server.log.map(one => one.body), [undefined, { name: "New" }, {}])
})

test("a base puts every call below it", async () => {
  passkeys = new Passkeys({ base: "/auth" })
  server.routes["GET /auth/api/webauthn/"] = [{ passkeys: [] }]
  assert.deepEqual(await passkeys.list(), [])
})

test("old browsers: options and answers are converted here", async () => {
  delete PublicKeyCredential.parseRequestOptionsFromJSON
  delete PublicKeyCredential.parseCreationOptionsFromJSON
  const buffer = (...b) => Uint8Array.from(b).buffer
  const signUp = passkeys.signUp({ email: "a", name: "b" })
  await settle()
  const { publicKey } = browser.last
  assert.deepEqual([...publicKey.challenge], [1, 2, 3])
  assert.deepEqual([...publicKey.user.id], [4, 5, 6])
  assert.deepEqual([...publicKey.excludeCredentials[0].id], [7, 8, 9])
  browser.last.resolve({
    id: "-_8", type: "public-key", rawId: buffer(251, 255), authenticatorAttachment: "platform",
    toJSON() { throw new TypeError("Illegal invocation") },
    response: { clientDataJSON: buffer(1), attestationObject: buffer(2), getTransports: () => ["internal"] },
  })
  await signUp
  assert.deepEqual(server.log[1].body.credential, {
    id: "-_8", rawId: "-_8", type: "public-key", authenticatorAttachment: "platform", clientExtensionResults: {},
    response: { clientDataJSON: "AQ", attestationObject: "Ag", transports: ["internal"] },
  })

  const signIn = passkeys.signIn()
  await settle()
  browser.last.resolve({
    id: "-_8", type: "public-key", rawId: buffer(251, 255), authenticatorAttachment: null,
    response: { clientDataJSON: buffer(1), authenticatorData: buffer(2), signature: buffer(3), userHandle: buffer(4) },
  })
  await signIn
  assert.deepEqual(server.log[3].body.credential.response, { clientDataJSON: "AQ", authenticatorData: "Ag", signature: "Aw", userHandle: "BA" })
})

test("what the browser's own conversions give is used as it is", async () => {
  const result = passkeys.signUp({ email: "a", name: "b" })
  await settle()
  assert.deepEqual(browser.last.publicKey, { native: creation.creation_options.publicKey })
  browser.last.resolve({ toJSON: () => ({ id: "AAEC", future: 1 }) })
  await result
  assert.deepEqual(server.log[1].body, { credential: { id: "AAEC", future: 1 } })
})

test("capabilities are plain booleans, whatever the browser does", async () => {
  PublicKeyCredential.getClientCapabilities = async () => ({ conditionalCreate: true })
  assert.deepEqual(await passkeys.capabilities(), { passkeys: true, autofill: true, device: true, upgrade: true, signals: true })
  PublicKeyCredential.getClientCapabilities = () => { throw new Error("no") }
  PublicKeyCredential.isConditionalMediationAvailable = () => { throw new Error("no") }
  delete PublicKeyCredential.signalUnknownCredential
  assert.deepEqual(await passkeys.capabilities(), { passkeys: true, autofill: false, device: true, upgrade: false, signals: false })
  define("PublicKeyCredential", undefined)
  assert.deepEqual(await passkeys.capabilities(), { passkeys: false, autofill: false, device: false, upgrade: false, signals: false })
  await assert.rejects(passkeys.signIn(), { code: "unsupported" })
})

test("a second step sends its ticket with both requests, and ends autofill", async () => {
  await armed()
  const result = passkeys.verify({ ticket: "mt_1" })
  await settle()
  browser.last.resolve(credential)
  await result
  await settle()
  assert.deepEqual(server.log.slice(1).map(one => [one.what, one.headers["Mapae-Ticket"]]), [
    [`GET ${names.reauthOptions}`, "mt_1"], [`POST ${names.reauth}`, "mt_1"],
  ])
  assert.equal(passkeys._armed.size, 0)
})

test("a step-up for an action names it twice, and answers with its ticket", async () => {
  const path = "/api/auth/reauth/passkey"
  server.routes[`POST ${path}/options`] = [request]
  server.routes[`POST ${path}`] = [{ ...signedIn, ticket: "mt_3" }]
  const result = passkeys.verify({ action: "change_email" })
  await settle()
  assert.equal(browser.last.kind, "get")
  browser.last.resolve(credential)
  assert.equal((await result).ticket, "mt_3")
  assert.deepEqual(server.log.map(one => [one.what, one.body]), [
    [`POST ${path}/options`, { action: "change_email" }], [`POST ${path}`, { credential: { id: "AAEC" }, action: "change_email" }],
  ])
  server.routes["DELETE /api/account"] = [{ success: true }]
  await passkeys.call("DELETE", "/api/account", undefined, { ticket: "mt_3" })
  assert.equal(server.log[2].headers["Mapae-Ticket"], "mt_3")
})

test("a recovery ends with a new passkey, by its ticket", async () => {
  const path = "/api/auth/recover/passkey/"
  server.routes[`POST ${path}options`] = [creation]
  server.routes[`POST ${path}complete`] = [{ ...signedIn, recovery_codes: ["A"] }]
  const result = passkeys.recover({ ticket: "mt_2" })
  await settle()
  assert.equal(browser.last.kind, "create")
  browser.last.resolve(credential)
  assert.deepEqual((await result).recovery_codes, ["A"])
  assert.deepEqual(server.log.map(one => one.headers["Mapae-Ticket"]), ["mt_2", "mt_2"])
})

test("recovery codes that come with a first passkey are handed over", async () => {
  server.routes[`POST ${names.added}`] = [{ passkey: { id: "AAEC" }, recovery_codes: ["A"] }]
  const result = passkeys.create()
  await settle()
  browser.last.resolve(credential)
  assert.deepEqual(await result, { id: "AAEC", recovery_codes: ["A"] })
})

test("a step-up answers with what the server says, for who has an action to name", async () => {
  const result = passkeys.verify()
  await settle()
  browser.last.resolve(credential)
  assert.deepEqual(await result, signedIn)
})

const accepted = { signalAllAcceptedCredentials: { rpId: "example.com", userId: "u", allAcceptedCredentialIds: ["AAEC"] } }
const details = { signalCurrentUserDetails: { rpId: "example.com", userId: "u", name: "a", displayName: "A" } }

for (const [what, route, answer, act, name] of [
  ["listing", "GET /api/webauthn/", { passkeys: [], signals: accepted }, () => passkeys.list(), "signalAllAcceptedCredentials"],
  ["removing", "DELETE /api/webauthn/AAEC/", { success: true, signals: accepted }, () => passkeys.remove("AAEC"), "signalAllAcceptedCredentials"],
  ["renaming oneself", "PATCH /api/account", { success: true, signals: details }, () => passkeys.call("PATCH", "/api/account", { name: "A" }), "signalCurrentUserDetails"],
]) {
  test(`${what} sends the signals that the server answers with, and no others`, async () => {
    const called = []
    for (const one of ["signalAllAcceptedCredentials", "signalCurrentUserDetails"]) {
      PublicKeyCredential[one] = async argument => { called.push([one, argument]) }
    }
    server.routes[route] = [answer]
    await act()
    await settle()
    assert.deepEqual(called, [[name, answer.signals[name]]])
    assert.deepEqual(forgotten(), [])
  })

  test(`${what} succeeds where signals are unknown to the browser or fail`, async () => {
    server.routes[route] = [answer]
    await act()
    PublicKeyCredential[name] = async () => { throw new TypeError("no") }
    await act()
    PublicKeyCredential[name] = () => { throw new TypeError("no") }
    await act()
    await settle()
    assert.equal(server.count(route), 3)
  })
}

test("a server can have nothing called but signals", async () => {
  const parse = mock.method(PublicKeyCredential, "parseRequestOptionsFromJSON")
  server.routes["GET /api/webauthn/"] = [{ passkeys: [], signals: { parseRequestOptionsFromJSON: {} } }]
  await passkeys.list()
  await settle()
  assert.equal(parse.mock.callCount(), 0)
})

test("a passkey is removed in a browser without passkeys, as long as no step-up is asked for", async () => {
  define("PublicKeyCredential", undefined)
  await passkeys.remove("AAEC")
  server.routes["DELETE /api/webauthn/AAEC/"] = [problem(403, "step_up_required")]
  await assert.rejects(passkeys.remove("AAEC"), { code: "unsupported" })
})

test("a POST that lacks a step-up is sent again as it was after one", async () => {
  const what = "POST /api/account/password"
  server.routes[what] = [problem(403, "step_up_required"), { success: true }]
  const result = passkeys.call("POST", "/api/account/password", { password: "x" }, { ticket: "mt_9" })
  await settle()
  browser.last.resolve(credential)
  assert.deepEqual(await result, { success: true })
  assert.deepEqual(server.log.filter(one => one.what === what).map(one => [one.body, one.headers["Mapae-Ticket"]]), [
    [{ password: "x" }, "mt_9"], [{ password: "x" }, "mt_9"],
  ])
})

for (const [what, act] of [
  ["list", signal => passkeys.list({ signal })], ["rename", signal => passkeys.rename("AAEC", "x", { signal })],
  ["remove", signal => passkeys.remove("AAEC", { signal })], ["create", signal => passkeys.create({ signal })],
  ["verify", signal => passkeys.verify({ signal })], ["signUp", signal => passkeys.signUp({ email: "a", name: "b", signal })],
  ["recover", signal => passkeys.recover({ ticket: "mt_1", signal })], ["call", signal => passkeys.call("GET", "/x", undefined, { signal })],
]) {
  test(`${what} rejects with the caller's own reason`, async () => {
    const controller = new AbortController()
    const reason = { mine: true }
    controller.abort(reason)
    await assert.rejects(act(controller.signal), e => e === reason)
  })
}

test("an old browser's signal has no reason: then it is an AbortError", async () => {
  const controller = new AbortController()
  Object.defineProperty(controller.signal, "reason", { value: undefined })
  controller.abort()
  await assert.rejects(passkeys.signIn({ signal: controller.signal }), { name: "AbortError" })
})

const conditional = "GET /api/webauthn/register/options/?mediation=conditional"

/** A browser that can make passkeys without a dialogue. */
function upgradable() {
  PublicKeyCredential.getClientCapabilities = async () => ({ conditionalCreate: true })
  server.routes[conditional] = [creation]
}

test("an upgrade makes a passkey conditionally, and tells that it did", async () => {
  upgradable()
  const result = passkeys.upgrade()
  await settle()
  assert.deepEqual([browser.last.kind, browser.last.mediation], ["create", "conditional"])
  browser.last.resolve(credential)
  assert.deepEqual(await result, { created: true })
  assert.deepEqual(server.log.map(one => one.what), [conditional, `POST ${names.added}`])
})

for (const [what, prepare, settles] of [
  ["of a browser that can't", () => { PublicKeyCredential.getClientCapabilities = async () => ({}) }],
  ["of an old browser", () => { delete PublicKeyCredential.getClientCapabilities }],
  ["without passkeys", () => define("PublicKeyCredential", undefined)],
  ["in a session that is not fresh", () => { server.routes[conditional] = [problem(403, "step_up_required")] }],
  ["without a server", () => { server.routes[conditional] = [new TypeError("fetch failed")] }],
  ["that the browser declines", () => {}, () => browser.last.reject(new DOMException("no", "NotAllowedError"))],
  ["of a password manager that has one", () => {}, () => browser.last.reject(new DOMException("no", "InvalidStateError"))],
  ["that could not be saved", () => { server.routes[`POST ${names.added}`] = [problem(409, "limit_reached")] }, () => browser.last.resolve(credential)],
]) {
  test(`an upgrade ${what} does nothing and never rejects`, async () => {
    upgradable()
    prepare()
    const result = passkeys.upgrade()
    await settle()
    if (settles) settles()
    assert.deepEqual(await result, { created: false })
    assert.equal(browser.calls.filter(call => call.kind === "get").length, 0, "it never asks for a step-up")
  })
}

test("an upgrade that never settles is given up after half a minute, and at once for a click", async () => {
  upgradable()
  const pass = stopTime()
  const first = passkeys.upgrade()
  await settle()
  pass(30000)
  assert.deepEqual(await first, { created: false })
  assert.equal(browser.last.signal.aborted, true)
  const second = passkeys.upgrade()
  await settle()
  const click = passkeys.create()
  assert.deepEqual(await second, { created: false })
  await settle()
  browser.last.resolve(credential)
  assert.equal((await click).id, "AAEC")
})
