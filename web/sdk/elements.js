// Elements that bring server-rendered forms and buttons to life: <mapae-sign-in>, <mapae-sign-up>, <mapae-create>. They have no
// shadow: what is inside stays as it is, for stylesheets, screen readers and password managers.
import { PasskeyError, Passkeys } from "./mapae.js"

/** @import { Passkey, SignedIn } from "./types" */
/** @typedef {SignedIn | Passkey} Result */

// Browsers without custom elements leave the forms as the server made them.
const Base = typeof HTMLElement === "function" ? HTMLElement : /** @type {typeof HTMLElement} */ (class {})

/**
 * What the three have in common. Attributes: base, the path that Mapae is mounted at; next, where to go afterwards.
 *
 * Events, which bubble: "mapae-success" with the result as detail, unless it is cancelled the browser goes to next;
 * "mapae-error" with a PasskeyError as detail. A [data-codes] inside gets an <li> for each recovery code, and is shown in
 * place of going on. Where there are no passkeys, each [data-passkey] is hidden. A hidden button [data-cancel] is shown when the
 * browser has not answered for five seconds, and gives up.
 */
class Enhanced extends Base {
  connectedCallback() {
    this._passkeys = new Passkeys({ base: this.getAttribute("base") || "" })
    this._stop = () => {}
    this.addEventListener("click", this)
    this.addEventListener("submit", this)
    this._passkeys.capabilities().then(can => {
      this._all("[data-passkey]").forEach(el => { if (!can.passkeys) el.hidden = true })
    })
  }

  disconnectedCallback() {
    this.removeEventListener("click", this)
    this.removeEventListener("submit", this)
    if (this._turn) this._turn.abort()
    if (this._stop) this._stop()
  }

  /** @param {Event} e a click on a [data-passkey], or a form that is sent without a password */
  handleEvent(e) {
    const target = /** @type {Element} */ (e.target)
    if (target.closest("[data-cancel]") && this._turn) return this._turn.abort()
    const button = e.type === "click" ? target.closest("button[data-passkey]") : null
    const form = e.type === "submit" ? /** @type {HTMLFormElement} */ (target) : null
    if (!button && !form || form && this._value("password")) return
    if (button && button.getAttribute("type") !== "button" && button.closest("form")) return // its form will be sent
    e.preventDefault()
    const busy = button || this.querySelector("form button:not([type=button])") || this
    const turn = this._turn = new AbortController()
    const offer = (/** @type {boolean} */ yes) => this._all("[data-cancel]").forEach(el => { el.hidden = !yes })
    const timer = setTimeout(offer, 5e3, true)
    busy.setAttribute("aria-busy", "true")
    this._run(!!form, turn.signal)
      .then(result => this._done(result), error => this._fail(turn.signal.aborted ? new PasskeyError("cancelled", error) : error))
      .then(() => {
        clearTimeout(timer)
        busy.removeAttribute("aria-busy")
        if (turn === this._turn) offer(false)
      })
  }

  /** @param {boolean} typed the form was sent @param {AbortSignal} signal @returns {Promise<Result>} */
  _run(typed, signal) {
    return Promise.reject(new Error(`<${this.localName}> does nothing ${typed} ${signal}`))
  }

  /** @param {string} selector @returns {HTMLElement[]} */
  _all(selector) {
    return Array.from(this.querySelectorAll(selector))
  }

  /** @param {string} name of an input @returns {string} */
  _value(name) {
    const input = /** @type {HTMLInputElement|null} */ (this.querySelector(`input[name=${name}]`))
    return input ? input.value.trim() : ""
  }

  get _calls() {
    return this._passkeys || new Passkeys()
  }

  /** @param {Result} result */
  _done(result) {
    const goes = this.dispatchEvent(new CustomEvent("mapae-success", { bubbles: true, cancelable: true, detail: result }))
    const [list] = this._all("[data-codes]")
    const { recovery_codes: codes } = result
    if (list && codes) {
      codes.forEach(code => { list.appendChild(document.createElement("li")).textContent = code })
      list.hidden = false
    } else if (goes) {
      location.assign(this.getAttribute("next") || location.href)
    }
  }

  /** @param {unknown} error */
  _fail(error) {
    if (this.isConnected) this.dispatchEvent(new CustomEvent("mapae-error", { bubbles: true, detail: error }))
  }
}

/** A form with an input named username; autocomplete="username webauthn" offers passkeys in it. */
export class SignIn extends Enhanced {
  connectedCallback() {
    super.connectedCallback()
    if (!this.querySelector("[autocomplete~=webauthn]")) return
    this._stop = this._calls.autofill({ onSuccess: result => this._done(result), onError: error => this._fail(error) })
  }

  /** @param {boolean} typed @param {AbortSignal} signal */
  _run(typed, signal) {
    return this._calls.signIn({ email: typed && this._value("username") || undefined, signal })
  }
}

/** A form with inputs named username and name. */
export class SignUp extends Enhanced {
  /** @param {boolean} typed @param {AbortSignal} signal */
  _run(typed, signal) {
    return this._calls.signUp({ email: this._value("username"), name: this._value("name"), signal })
  }
}

/** A button, for who is signed in. */
export class Create extends Enhanced {
  /** @param {boolean} typed @param {AbortSignal} signal */
  _run(typed, signal) {
    return this._calls.create({ name: this._value("name") || undefined, signal })
  }
}

if (typeof customElements === "object") {
  for (const [name, element] of Object.entries({ "mapae-sign-in": SignIn, "mapae-sign-up": SignUp, "mapae-create": Create })) {
    if (!customElements.get(name)) customElements.define(name, element)
  }
}
