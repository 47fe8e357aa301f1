// mapae.js: sign up, sign in and keep passkeys from a web page. One module, no dependencies. Syntax of ES2018; what is
// newer in a browser is looked for and done without. Types are in types.d.ts.
/** @import { AutofillCallbacks, Capabilities, Code, Passkey, Problem, SignedIn } from "./types" */

/** @type {Record<string, Code>} names of the browser's errors, then codes of the server's */
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

/** What every call rejects with, unless the caller's own signal was aborted: then with its reason. */
export class PasskeyError extends Error {
  /** @param {Code} code @param {any} [cause] the browser's error, or a Problem with its status @param {number} [status] */
  constructor(code, cause, status) {
    const problem = /** @type {Problem} */ (cause || {})
    super(problem.message || code)
    this.name = "PasskeyError"
    this.code = code
    this.cause = cause
    this.status = status
    this.field = problem.field
    this.retryAfter = problem.retry_after
    this.requestId = problem.request_id
    /** Nothing went wrong: say little, and never in red. */
    this.quiet = code === "cancelled" || code === "aborted"
  }
}

/** @type {{turn: AbortController, free: Promise<void>}|undefined} who has the page's one passkey call, whichever object */
let slot

/**
 * Runs flow alone. Who has the slot is aborted and waited for: until its rejection arrives, the browser calls it pending.
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

/** @param {number} ms */
const pause = ms => new Promise(resolve => setTimeout(resolve, ms))

/** @returns {any} PublicKeyCredential, of which this browser may lack any part, or nothing at all */
const api = () => typeof PublicKeyCredential === "function" && !!navigator.credentials && PublicKeyCredential

/** @param {string} name of a question to the browser: no is the answer where it can't be asked */
const probe = name => Promise.resolve().then(() => api()[name]()).catch(() => false)

/** @param {string} s base64url */
const bytes = s => Uint8Array.from(atob(s.replace(/-/g, "+").replace(/_/g, "/")), c => c.charCodeAt(0))

/** @param {ArrayBuffer} [b] @returns {string|undefined} base64url */
const text = b => b && btoa(new Uint8Array(b).reduce((s, c) => s + String.fromCharCode(c), ""))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "")

/** @param {"create"|"get"} kind @param {any} json publicKey options as the server sends them */
function decode(kind, json) {
  const native = kind === "get" ? "parseRequestOptionsFromJSON" : "parseCreationOptionsFromJSON"
  if (api()[native]) return api()[native](json)
  const id = (/** @type {any} */ o) => o && { ...o, id: bytes(o.id) }
  const { challenge, user, allowCredentials: allow = [], excludeCredentials: exclude = [] } = json
  return {
    ...json, challenge: bytes(challenge), user: id(user), allowCredentials: allow.map(id), excludeCredentials: exclude.map(id),
  }
}

/** @param {any} credential from the browser, or from an extension in its place */
function encode(credential) {
  try {
    return credential.toJSON()
  } catch (e) {
    const { id, type, rawId, authenticatorAttachment, response: r } = credential
    const response = {
      clientDataJSON: text(r.clientDataJSON),
      ...(r.attestationObject
        ? { attestationObject: text(r.attestationObject), transports: r.getTransports ? r.getTransports() : [] }
        : { authenticatorData: text(r.authenticatorData), signature: text(r.signature), userHandle: text(r.userHandle) }),
    }
    return { id, type, rawId: text(rawId), authenticatorAttachment, clientExtensionResults: {}, response }
  }
}

/** @param {any} e what the browser rejected with @param {"create"|"get"} kind @param {any} json */
function translate(e, kind, json) {
  let code = codes[e && e.name] || "failed"
  if (code === "exists" && kind === "get") code = "failed"
  if (code === "cancelled" && /permissions policy/i.test(e.message)) code = "policy"
  if (code === "origin") console.error(`RP ID ${json.rpId || json.rp.id} does not fit ${location.origin}: see mapae doctor`)
  return new PasskeyError(code, e)
}

/**
 * Calls the browser, and once more when it says that a request is pending though ours has ended.
 * @param {"create"|"get"} kind @param {any} json @param {AbortSignal} signal @param {"conditional"} [mediation]
 */
async function ask(kind, json, signal, mediation) {
  const call = () => new Promise((resolve, reject) => {
    navigator.credentials[kind]({ publicKey: decode(kind, json), signal, mediation }).then(resolve, reject)
    // A locked password manager may never settle; the slot does not wait for it for ever.
    signal.addEventListener("abort", () => setTimeout(reject, 1000, { name: "AbortError" }))
  })
  try {
    return encode(await call().catch(async e => {
      if (!e || e.name !== "OperationError" || signal.aborted) throw e
      await pause(200)
      return call()
    }))
  } catch (e) {
    throw translate(e, kind, json)
  }
}

/** Tells the password manager that the server does not have a passkey. @param {string} rpId @param {any} credential */
function forget(rpId, credential) {
  if (api().signalUnknownCredential) api().signalUnknownCredential({ rpId, credentialId: credential.id }).catch(() => {})
}

/** The passkeys of one site. */
export class Passkeys {
  /** @param {{base?: string}} [options] base: the path that Mapae is mounted at, "" for the root */
  constructor({ base = "" } = {}) {
    this._base = base
    /** @type {Set<() => void>} what stops each autofill */
    this._armed = new Set()
  }

  /** What this browser can do. Never rejects. @returns {Promise<Capabilities>} */
  async capabilities() {
    const [autofill, device, known] = await Promise.all([
      probe("isConditionalMediationAvailable"),
      probe("isUserVerifyingPlatformAuthenticatorAvailable"),
      probe("getClientCapabilities"),
    ])
    return { passkeys: !!api(), autofill, device, upgrade: !!known.conditionalCreate, signals: !!api().signalUnknownCredential }
  }

  /**
   * Offers passkeys in the autofill of an input with autocomplete="username webauthn", until somebody has signed in: it arms
   * itself again in time, after a failed pick, and when the page comes back. Silent where unsupported.
   * @param {AutofillCallbacks} callbacks @returns {() => void} stops it
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
          result = await alone(turn, () => this._pick(signal, rearm, () => { picked = true }))
        } catch (/** @type {any} */ e) {
          if (signal.aborted) continue
          const { code } = e
          if (!picked && /origin|policy|unsupported/.test(code)) stop()
          // The challenge of a cookie that another tab replaced gets a new one, once, before the person hears of it.
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

  /**
   * Signs in by the browser's dialogue; with an email, only into that account.
   * @param {{email?: string, signal?: AbortSignal}} [options] @returns {Promise<SignedIn>}
   */
  signIn({ email, signal } = {}) {
    return this._modal(signal, async s => {
      const { request_options } = await this._send("POST", "/api/auth/passkey/options", s, { email })
      return this._verify(await ask("get", request_options.publicKey, s), request_options.publicKey.rpId, s)
    }, true)
  }

  /**
   * Makes an account with its first passkey, and signs in.
   * @param {{email: string, name: string, signal?: AbortSignal}} options @returns {Promise<SignedIn>}
   */
  signUp({ email, name, signal }) {
    return this._enter("/api/auth/signup/passkey/", signal, { email, name })
  }

  /**
   * Ends a recovery that is ready with a new passkey, and signs in.
   * @param {{ticket: string, signal?: AbortSignal}} options @returns {Promise<SignedIn>}
   */
  recover({ ticket, signal }) {
    return this._enter("/api/auth/recover/passkey/", signal, {}, ticket)
  }

  /**
   * Adds a passkey to the account that is signed in, after a step-up where the server wants one.
   * @param {{name?: string, signal?: AbortSignal}} [options] @returns {Promise<Passkey>}
   */
  create({ name, signal } = {}) {
    const path = "/api/webauthn/register/"
    return this._modal(signal, async s => {
      const { creation_options } = await this._fresh(s, () => this._send("GET", path + "options/", s))
      const { passkey, recovery_codes } = await this._save(creation_options.publicKey, s, path + "complete/", { name })
      return recovery_codes ? { ...passkey, recovery_codes } : passkey
    })
  }

  /** Does the ticket's second step, or proves again who is signed in. @param {{ticket?: string, signal?: AbortSignal}} [options] */
  verify({ ticket, signal } = {}) {
    return this._modal(signal, s => this._prove(s, ticket), !!ticket)
  }

  /** @returns {Promise<Passkey[]>} newest first */
  async list() {
    return (await this._send("GET", "/api/webauthn/")).passkeys
  }

  /** @param {string} id @param {string} name @returns {Promise<Passkey>} */
  async rename(id, name) {
    return (await this._send("PATCH", `/api/webauthn/${id}/`, undefined, { name })).passkey
  }

  /** Removes one, after a step-up where the server wants it. @param {string} id @param {{signal?: AbortSignal}} [options] */
  remove(id, { signal } = {}) {
    return this._modal(signal, s => this._fresh(s, () => this._send("DELETE", `/api/webauthn/${id}/`, s)))
  }

  /** @returns {Promise<void>} */
  async signOut() {
    await this._send("POST", "/api/auth/logout", undefined, {})
  }

  /**
   * Parks autofill for a flow with a dialogue, and ends it where the flow signed in.
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
      if (signal && signal.aborted) throw signal.reason || new DOMException("", "AbortError")
      throw turn.signal.aborted ? new PasskeyError("aborted", e) : e
    } finally {
      if (signal) signal.removeEventListener("abort", end)
    }
  }

  /** One turn of autofill: ¾ of a challenge's life. @param {AbortSignal} s @param {() => void} rearm @param {() => void} picked */
  async _pick(s, rearm, picked) {
    const { publicKey } = (await this._send("GET", "/api/auth/passkey/options", s)).request_options
    const timer = setTimeout(rearm, (publicKey.timeout || 9e5) * 0.75)
    const credential = await ask("get", publicKey, s, "conditional").finally(() => clearTimeout(timer))
    picked()
    return this._verify(credential, publicKey.rpId, s)
  }

  /** @param {any} credential @param {string} rpId @param {AbortSignal} s @returns {Promise<SignedIn>} */
  async _verify(credential, rpId, s) {
    try {
      return await this._send("POST", "/api/auth/passkey/verify", s, { credential })
    } catch (/** @type {any} */ e) {
      if (e.code === "unknown_passkey") forget(rpId, credential)
      throw e
    }
  }

  /** @param {any} json @param {AbortSignal} s @param {string} path @param {object} more @param {string} [ticket] */
  async _save(json, s, path, more, ticket) {
    const credential = await ask("create", json, s)
    try {
      return await this._send("POST", path, s, { credential, ...more }, ticket)
    } catch (/** @type {any} */ e) {
      // Without an answer, or with one of a server in trouble, it may have been saved: then it stays.
      if (e.status < 500) forget(json.rp.id, credential)
      throw e
    }
  }

  /** @param {string} path @param {AbortSignal|undefined} signal @param {object} body @param {string} [ticket] */
  _enter(path, signal, body, ticket) {
    return this._modal(signal, async s => {
      const answer = await this._send("POST", path + "options", s, body, ticket)
      return this._save(answer.creation_options.publicKey, s, path + "complete", {}, ticket || answer.ticket)
    }, true)
  }

  /** @param {AbortSignal} s @param {string} [ticket] */
  async _prove(s, ticket) {
    const { request_options } = await this._send("GET", "/api/webauthn/authenticate/options/", s, undefined, ticket)
    await this._send("POST", "/api/webauthn/verify/", s, { credential: await ask("get", request_options.publicKey, s) }, ticket)
  }

  /** @param {AbortSignal} s @param {() => Promise<any>} call made again after a step-up, if that is what it lacked */
  async _fresh(s, call) {
    try {
      return await call()
    } catch (/** @type {any} */ e) {
      if (!e.cause || e.cause.code !== "step_up_required") throw e
      await this._prove(s)
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
        method, headers, signal, body: JSON.stringify(body), credentials: "same-origin", cache: "no-store",
      })
      answer = await response.json()
    } catch (e) {
      if (!response) throw new PasskeyError("network", e)
    }
    if (response.ok && answer) return answer
    const { status } = response
    const problem = answer || {}
    throw new PasskeyError(codes[problem.code] || (status < 400 || status >= 500 ? "server" : "failed"), problem, status)
  }
}
