// Passkeys from a web page. Syntax of ES2018; what is newer is looked for first.
/** @import { Autofill, Capabilities, Code, Passkey, Problem, Recovery, SignedIn, Signals, SignUp, Wish } from "./types" */

/** @type {Record<string, Code>} by the names of errors */
const codes = {
  AbortError: "aborted",
  NotAllowedError: "cancelled",
  InvalidStateError: "exists",
  SecurityError: "origin",
  NotSupportedError: "unsupported",
  ConstraintError: "unsupported",
  ceremony_invalid: "expired",
  passkey_unknown: "unknown_passkey",
  rate_limited: "locked",
  credential_exists: "exists",
  origin_rejected: "origin",
  forbidden: "policy",
}

/** What calls reject with, or the reason of their signal. */
export class PasskeyError extends Error {
  /** @param {Code} code @param {any} [cause] the browser's error, or a Problem @param {number} [status] */
  constructor(code, cause, status) {
    /** @type {Problem} */
    const problem = cause || {}
    super(problem.message || code)
    this.name = "PasskeyError"
    this.code = code
    this.cause = cause
    this.status = status
    this.requestId = problem.request_id
    /** No error: never say it in red. */
    this.quiet = code === "cancelled" || code === "aborted"
  }
}

/** @type {{turn: AbortController, free: Promise<void>}|undefined} who has the page's one passkey call */
let slot

/**
 * Runs flow alone: who has the slot is aborted and waited for.
 * @template T @param {AbortController} turn @param {(signal: AbortSignal) => Promise<T>} flow
 */
async function alone(turn, flow) {
  while (slot) {
    slot.turn.abort()
    await slot.free
  }
  let leave = () => {}
  slot = { turn, free: new Promise(resolve => { leave = resolve }) }
  try {
    if (turn.signal.aborted) throw new PasskeyError("aborted")
    return await flow(turn.signal)
  } finally {
    slot = undefined
    leave()
  }
}

/** @param {AbortSignal} signal that was aborted */
const why = signal => signal.reason || new DOMException("", "AbortError")

/** @param {number} ms */
const pause = ms => new Promise(resolve => setTimeout(resolve, ms))

/** @returns {any} PublicKeyCredential, or what there is of it */
const api = () => typeof PublicKeyCredential === "function" && !!navigator.credentials && PublicKeyCredential

/** @param {string} name of what to call: false where that can't be @param {object} [argument] */
const probe = (name, argument) => Promise.resolve().then(() => api()[name](argument)).catch(() => false)

/** @param {string} s base64url */
const bytes = s => Uint8Array.from(atob(s.replace(/-/g, "+").replace(/_/g, "/")), c => c.charCodeAt(0))

/** @param {ArrayBuffer} [b] @returns {string|undefined} base64url */
const text = b => b && btoa(new Uint8Array(b).reduce((s, c) => s + String.fromCharCode(c), ""))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "")

/** @param {"create"|"get"} kind @param {any} json publicKey options as the server sends them */
function decode(kind, json) {
  const native = kind === "get" ? "parseRequestOptionsFromJSON" : "parseCreationOptionsFromJSON"
  if (api()[native]) return api()[native](json)
  const id = (/** @type {any} */ o) => ({ ...o, id: bytes(o.id) })
  const { challenge, user, allowCredentials: allow = [], excludeCredentials: deny = [] } = json
  return { ...json, challenge: bytes(challenge), user: user && id(user), allowCredentials: allow.map(id), excludeCredentials: deny.map(id) }
}

/** @param {any} credential of a browser or an extension */
function encode(credential) {
  try {
    return credential.toJSON()
  } catch (e) {
    const { id, type, authenticatorAttachment, response: r } = credential
    /** @type {any} */
    const response = r.getTransports ? { transports: r.getTransports() } : {}
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) response[name] = text(r[name])
    return { id, rawId: id, type, authenticatorAttachment, clientExtensionResults: {}, response }
  }
}

/** @param {any} e what the browser rejected with @param {"create"|"get"} kind @param {any} json */
function translate(e, kind, json) {
  let code = codes[e && e.name] || "failed"
  if (code === "exists" && kind === "get") code = "failed"
  if (code === "cancelled" && /permissions policy/i.test(e.message)) code = "policy"
  if (code === "origin") console.error(`RP ID ${json.rpId || json.rp.id} at ${location.origin}: see mapae doctor`)
  return new PasskeyError(code, e)
}

/**
 * Calls the browser, and once more when it says that a request is pending. What never settles (locked password managers) is
 * aborted in time, and not waited for after that.
 * @param {"create"|"get"} kind @param {any} json @param {AbortSignal} signal @param {"conditional"} [mediation]
 */
async function ask(kind, json, signal, mediation) {
  const { timeout = 3e5 } = json
  let late = false
  const timer = setTimeout(() => {
    late = true
    if (slot) slot.turn.abort()
  }, !mediation ? timeout + 5e3 : kind === "get" ? timeout * 0.75 : 3e4)
  const call = () => new Promise((resolve, reject) => {
    navigator.credentials[kind]({ publicKey: decode(kind, json), signal, mediation }).then(resolve, reject)
    signal.addEventListener("abort", () => setTimeout(reject, 1000, { name: "AbortError" }))
  })
  try {
    return encode(await call().catch(async e => {
      if (!e || e.name !== "OperationError" || signal.aborted) throw e
      await pause(200)
      return call()
    }))
  } catch (e) {
    throw translate(late ? { name: "NotAllowedError" } : e, kind, json)
  } finally {
    clearTimeout(timer)
  }
}

/** Tells the password manager. @param {Signals} [signals] */
function tell(signals = {}) {
  for (const name in signals) if (/^signal/.test(name)) probe(name, signals[name])
}

/** The passkeys of one site. */
export class Passkeys {
  /** @param {{base?: string}} [options] base: the path of the mount */
  constructor({ base = "" } = {}) {
    this._base = base
    /** @type {Set<() => void>} what stops each autofill */
    this._armed = new Set()
  }

  /** What this browser can do. Never rejects. @returns {Promise<Capabilities>} */
  async capabilities() {
    const [autofill, device, known] = await Promise.all([
      probe("isConditionalMediationAvailable"), probe("isUserVerifyingPlatformAuthenticatorAvailable"), probe("getClientCapabilities"),
    ])
    return { passkeys: !!api(), autofill, device, upgrade: !!known.conditionalCreate, signals: !!api().signalUnknownCredential }
  }

  /**
   * Offers passkeys in an input with autocomplete="username webauthn" until somebody has signed in. Silent where unsupported.
   * @param {Autofill} callbacks @returns {() => void} stops it
   */
  autofill({ onSuccess, onError }) {
    let turn = new AbortController()
    const rearm = () => turn.abort()
    const shown = (/** @type {PageTransitionEvent} */ e) => { if (e.persisted) rearm() }
    const stop = () => {
      this._armed.delete(stop)
      removeEventListener("pageshow", shown)
      rearm()
    }
    this._armed.add(stop)
    addEventListener("pageshow", shown)

    const arm = async () => {
      let failures = 0
      let mismatched = false
      if (!await probe("isConditionalMediationAvailable")) stop()
      while (this._armed.has(stop)) {
        if (slot) {
          await slot.free
          continue
        }
        turn = new AbortController()
        const began = Date.now()
        const { signal } = turn
        let picked = false
        let result
        try {
          result = await alone(turn, async () => {
            const { publicKey } = (await this._send("GET", "/api/auth/passkey/options", signal)).request_options
            const credential = await ask("get", publicKey, signal, "conditional")
            picked = true
            return this._send("POST", "/api/auth/passkey/verify", signal, { credential })
          })
        } catch (/** @type {any} */ e) {
          if (signal.aborted) continue
          const { code } = e
          if (!picked && /origin|policy|unsupported/.test(code)) stop()
          // Another tab may have replaced the cookie: told the second time.
          if (picked && onError && (mismatched || code !== "expired")) onError(e)
          mismatched = code === "expired"
          if (Date.now() - began > 3e4) failures = 0
          await pause(Math.min(250 * 2 ** failures++, 6e4))
          continue
        }
        if (signal.aborted) continue
        stop()
        onSuccess(result)
      }
    }
    arm()
    return stop
  }

  /** Signs in; with an email, only into that account. @param {Wish} [wish] @returns {Promise<SignedIn>} */
  signIn({ email, signal } = {}) {
    return this._modal(signal, async s => {
      const { publicKey } = (await this._send("POST", "/api/auth/passkey/options", s, { email })).request_options
      return this._send("POST", "/api/auth/passkey/verify", s, { credential: await ask("get", publicKey, s) })
    }, true)
  }

  /** Makes an account with its first passkey, and signs in. @param {SignUp} wish @returns {Promise<SignedIn>} */
  signUp({ email, name, ticket, signal }) {
    return this._enter("/api/auth/signup/passkey/", signal, { email, name }, ticket)
  }

  /** Ends a recovery with a new passkey, and signs in. @param {Recovery} wish @returns {Promise<SignedIn>} */
  recover({ ticket, signal }) {
    return this._enter("/api/auth/recover/passkey/", signal, {}, ticket)
  }

  /** Adds a passkey to the account, after a step-up where the server wants one. @param {Wish} [wish] @returns {Promise<Passkey>} */
  create({ name, signal } = {}) {
    return this._fresh(signal, () => this._modal(signal, s => this._add(s, { name })))
  }

  /** Adds one unseen after a password sign-in, where the browser can. Never rejects. @param {Wish} [wish] */
  async upgrade({ signal } = {}) {
    try {
      return { created: (await this.capabilities()).upgrade && !!await this._modal(signal, s => this._add(s, {}, "conditional")) }
    } catch (e) {
      return { created: false }
    }
  }

  /** The ticket's second step, or a step-up; with an action the answer has its ticket. @param {Wish} [wish] @returns {Promise<SignedIn>} */
  verify({ ticket, action, signal } = {}) {
    return this._modal(signal, async s => {
      const [method, options, path] = action ? ["POST", "/api/auth/reauth/passkey/options", "/api/auth/reauth/passkey"]
        : ["GET", "/api/webauthn/authenticate/options/", "/api/webauthn/verify/"]
      const { publicKey } = (await this._send(method, options, s, action && { action }, ticket)).request_options
      return this._send("POST", path, s, { credential: await ask("get", publicKey, s), action }, ticket)
    }, !!ticket)
  }

  /** @param {Wish} [wish] @returns {Promise<Passkey[]>} newest first */
  async list({ signal } = {}) {
    return (await this._send("GET", "/api/webauthn/", signal)).passkeys
  }

  /** @param {string} id @param {string} name @param {Wish} [wish] @returns {Promise<Passkey>} */
  async rename(id, name, { signal } = {}) {
    return (await this._send("PATCH", `/api/webauthn/${id}/`, signal, { name })).passkey
  }

  /** Removes one, after a step-up where the server wants it. @param {string} id @param {Wish} [wish] @returns {Promise<void>} */
  remove(id, { signal } = {}) {
    return this._fresh(signal, () => this._send("DELETE", `/api/webauthn/${id}/`, signal))
  }

  /** @returns {Promise<void>} */
  async signOut() {
    await this._send("POST", "/api/auth/logout", undefined, {})
  }

  /**
   * Calls a route of JSON, again after a step-up where it asks for one.
   * @param {string} method @param {string} path below base @param {object} [body] @param {Wish} [wish] @returns {Promise<any>}
   */
  call(method, path, body, { signal, ticket } = {}) {
    return this._fresh(signal, () => this._send(method, path, signal, body, ticket))
  }

  /**
   * Parks autofill for a dialogue, and ends it where that signed in.
   * @template T @param {AbortSignal|undefined} signal the caller's
   * @param {(signal: AbortSignal) => Promise<T>} flow @param {boolean} [signsIn] @returns {Promise<T>}
   */
  async _modal(signal, flow, signsIn) {
    const turn = new AbortController()
    const end = () => turn.abort()
    try {
      if (!api()) throw new PasskeyError("unsupported")
      if (signal) signal.addEventListener("abort", end)
      if (signal && signal.aborted) end()
      return await alone(turn, async s => {
        const result = await flow(s)
        if (signsIn) this._armed.forEach(stop => stop())
        return result
      })
    } catch (e) {
      if (signal && signal.aborted) throw why(signal)
      throw turn.signal.aborted && !(e instanceof PasskeyError && e.quiet) ? new PasskeyError("aborted", e) : e
    } finally {
      if (signal) signal.removeEventListener("abort", end)
    }
  }

  /** @param {AbortSignal} s @param {object} more @param {"conditional"} [mediation] @returns {Promise<Passkey>} */
  async _add(s, more, mediation) {
    const path = "/api/webauthn/register/"
    const options = await this._send("GET", path + (mediation ? "options/?mediation=" + mediation : "options/"), s)
    const { passkey, recovery_codes } = await this._save(options, s, path + "complete/", more, undefined, mediation)
    return recovery_codes ? { ...passkey, recovery_codes } : passkey
  }

  /**
   * @param {any} options @param {AbortSignal} s @param {string} path @param {object} more
   * @param {string} [ticket] @param {"conditional"} [mediation]
   */
  async _save({ creation_options: { publicKey } }, s, path, more, ticket, mediation) {
    const credential = await ask("create", publicKey, s, mediation)
    try {
      return await this._send("POST", path, s, { credential, ...more }, ticket)
    } catch (/** @type {any} */ e) {
      // Without a clear answer it may have been saved: then it stays.
      if (e.status < 500 && e.code !== "exists") {
        tell({ signalUnknownCredential: { rpId: publicKey.rp.id, credentialId: credential.id } })
      }
      throw e
    }
  }

  /** @param {string} path @param {AbortSignal|undefined} signal @param {object} body @param {string} [ticket] */
  _enter(path, signal, body, ticket) {
    return this._modal(signal, async s => {
      const answer = await this._send("POST", path + "options", s, body, ticket)
      return answer.email_code_required ? answer : this._save(answer, s, path + "complete", {}, ticket || answer.ticket)
    }, true)
  }

  /** @param {AbortSignal|undefined} signal @param {() => Promise<any>} call made again after a step-up */
  async _fresh(signal, call) {
    try {
      return await call()
    } catch (/** @type {any} */ e) {
      if (!e.cause || e.cause.code !== "step_up_required") throw e
      await this.verify({ signal })
      return call()
    }
  }

  /** @param {string} method @param {string} path @param {AbortSignal} [signal] @param {object} [body] @param {string} [ticket] */
  async _send(method, path, signal, body, ticket) {
    let response
    /** @type {any} */
    let answer
    const headers = {
      Accept: "application/json",
      ...(body && { "Content-Type": "application/json" }),
      ...(ticket && { "Mapae-Ticket": ticket }),
    }
    try {
      response = await fetch(this._base + path, {
        method, headers, signal, body: JSON.stringify(body), credentials: "include", cache: "no-store",
      })
      answer = await response.json()
    } catch (e) {
      if (signal && signal.aborted) throw why(signal)
      if (!response) throw new PasskeyError("network", e)
    }
    const { ok, status } = response
    const { code, signals } = answer || {}
    tell(signals)
    if (ok && answer) return answer
    throw new PasskeyError(codes[code] || (status < 400 || status >= 500 ? "server" : "failed"), answer, status)
  }
}
