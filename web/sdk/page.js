// Wires the pages to mapae.js. All sentences come with the page, in the data attributes of its live region.
import { Passkeys, PasskeyError } from "./mapae.js"

const { base = "", page = "" } = document.body.dataset
const passkeys = new Passkeys({ base })

/** @template {Element} [T=HTMLElement] @param {string} selector @param {ParentNode} [within] @returns {T[]} */
const all = (selector, within = document) => Array.from(within.querySelectorAll(selector))

/** @template {Element} [T=HTMLElement] @param {string} selector @param {ParentNode} [within] @returns {T} */
const one = (selector, within) => /** @type {T[]} */ (all(selector, within))[0]

/** @param {string} selector @param {(e: Event, el: HTMLElement) => void} f @param {string} [type] */
const on = (selector, f, type = "click") =>
  all(selector).forEach(el => el.addEventListener(type, e => f(e, el)))

const status = /** @type {HTMLElement|undefined} */ (one("#status"))

/** @param {string} key of a sentence, or "" @param {string} [text] said in its place */
function say(key, text) {
  if (!status) return
  status.dataset.tone = /server|failed/.test(key) ? "alert" : "calm"
  status.textContent = text || status.dataset[key] || ""
}

/** @param {string} url a path on this origin */
const go = url => location.assign(url)

/** @param {HTMLInputElement} input */
const errorOf = input => one("#" + input.getAttribute("aria-describedby"))

/** @param {HTMLInputElement} input @param {string} message "" where nothing is wrong */
function mark(input, message) {
  errorOf(input).textContent = message
  if (message) input.setAttribute("aria-invalid", "true")
  else input.removeAttribute("aria-invalid")
}

/** @param {HTMLFormElement} form @returns {boolean} whether all inputs are well; else the first that is not gets the focus */
function check(form) {
  /** @type {HTMLInputElement[]} */
  const inputs = all("input:enabled:not([type=hidden])", form)
  const wrong = inputs.filter(input => {
    const { missing = "", invalid = "" } = errorOf(input).dataset
    mark(input, input.validity.valid ? "" : input.validity.valueMissing ? missing : invalid)
    return !input.validity.valid
  })
  if (wrong.length) wrong[0].focus()
  return !wrong.length
}

/** @param {unknown} e what a call of passkeys rejected with */
function show(e) {
  if (!(e instanceof PasskeyError)) {
    say("failed")
    throw e
  }
  const { code, status: http, message, requestId } = e
  /** @type {import("./types").Problem} */
  const { field: wrong, retry_after = 60 } = e.cause || {}
  if (code === "aborted") return
  if (e.cause && e.cause.code === "second_factor_required") return goOn({ ticket: e.cause.ticket, methods: e.cause.methods.join(" ") })
  if (http === 401 && page === "account" && e.cause.code === "unauthenticated") return go(base + "/sign-in")
  /** @type {HTMLInputElement|""|undefined} */
  const input = wrong && one(`form:not([hidden]) [name=${wrong === "email" ? "username" : wrong}]`)
  if (input) {
    mark(input, message)
    input.focus()
    return say("")
  }
  if (http && /failed|policy/.test(code)) return say(code, message)
  const { [code]: sentence = "", reference = "" } = status ? status.dataset : {}
  const then = new Date(Date.now() + retry_after * 1000)
  const time = then.toLocaleTimeString(document.documentElement.lang, { hour: "numeric", minute: "2-digit" })
  const ask = code === "server" && requestId ? " " + reference.replace("{id}", requestId) : ""
  say(code, sentence.replace("{time}", time) + ask)
}

/** Shows the page that goes on with what the server gave. @param {Record<string, string>} given */
function goOn(given) {
  const form = /** @type {HTMLFormElement} */ (one("#go-on"))
  for (const name in given) field(form, name).value = given[name]
  form.submit()
}

/** @type {AbortController|undefined} of the newest run */
let newest

/** After this long somebody whose browser shows nothing is told so, and can cancel. */
const patience = 5e3

/** @param {boolean} yes shows the way out of a call that may never end */
function offerCancel(yes) {
  const waiting = one("#waiting")
  if (yes) say("waiting")
  if (waiting) waiting.hidden = !yes
}

/**
 * Runs what a button starts: busy while it lasts, and after a failure a sentence; the focus does not get lost.
 * @param {HTMLElement} button @param {(signal: AbortSignal) => Promise<unknown>} action that ends in a new page
 */
async function run(button, action) {
  const mine = newest = new AbortController()
  say("")
  offerCancel(false)
  button.setAttribute("aria-busy", "true")
  const timer = setTimeout(() => { if (mine === newest) offerCancel(true) }, patience)
  try {
    await action(mine.signal)
  } catch (e) {
    button.removeAttribute("aria-busy")
    if (mine !== newest) return
    offerCancel(false)
    if (mine.signal.aborted) say("cancelled")
    else show(e)
    if (document.activeElement === document.body || document.activeElement === one("#cancel")) button.focus()
  } finally {
    clearTimeout(timer)
  }
}

/** @param {HTMLFormElement} form @param {(form: HTMLFormElement, button: HTMLElement) => void} submit called when the inputs are well */
function wireForm(form, submit) {
  form.noValidate = true
  form.addEventListener("submit", e => {
    e.preventDefault()
    if (check(form)) submit(form, one(".primary", form))
  })
}

/** Lets the browser send a form whose inputs are well, once. @param {HTMLFormElement} form */
function wireNative(form) {
  form.noValidate = true
  form.addEventListener("submit", e => {
    const button = one("button:not([type=button])", form)
    if (button.hasAttribute("aria-busy") || !check(form)) return e.preventDefault()
    button.setAttribute("aria-busy", "true")
  })
}

/** @param {HTMLFormElement} form @param {string} name */
const field = (form, name) => /** @type {HTMLInputElement} */ (one(`[name=${name}]`, form))

/** @param {HTMLFormElement} form @param {string} name */
const value = (form, name) => field(form, name).value.trim()

/** Shows recovery codes, once, before going on. @param {string[]|undefined} codes @param {string} next */
function keep(codes, next) {
  if (!codes) return go(next)
  all("main > *").forEach(el => { el.hidden = el.id !== "codes" })
  codes.forEach(text => {
    const code = document.createElement("code")
    code.textContent = text
    one("#codes ol").appendChild(document.createElement("li")).appendChild(code)
  })
  one("#codes-done").setAttribute("href", next)
  const title = one("#codes-title")
  document.title = title.textContent || ""
  title.focus()
}

function wireCodes() {
  const text = () => all("#codes code").map(code => code.textContent).join("\n") + "\n"
  on("#codes-copy", () => navigator.clipboard.writeText(text()).then(() => {
    const said = one("#codes-status")
    said.textContent = said.dataset.copied || ""
  }))
  on("#codes-download", (e, button) => {
    const link = document.createElement("a")
    link.href = URL.createObjectURL(new Blob([text()], { type: "text/plain" }))
    link.download = button.dataset.file || ""
    link.click()
    URL.revokeObjectURL(link.href)
  })
  on("#codes-print", () => print())
}

/** Shows and hides a password. @param {Event} e @param {HTMLElement} button */
function reveal(e, button) {
  const input = /** @type {HTMLInputElement} */ (one("#" + button.dataset.reveal))
  const shown = input.type === "text"
  input.type = shown ? "password" : "text"
  button.setAttribute("aria-pressed", String(!shown))
}

const account = base + "/account"

/** @type {HTMLFormElement[]} */
const forms = all("main form")

/** @type {Record<string, () => void>} */
const pages = {
  "sign-in"() {
    const [form] = forms
    const next = form.dataset.next || account
    const done = async (/** @type {import("./types").SignedIn} */ { suggest = [] }) => {
      const local = suggest.includes("create_local_passkey") && (await passkeys.capabilities()).device
      const kind = local ? "local" : suggest.includes("create_second_passkey") && "second"
      go(kind ? `${base}/offer?${kind}=1&next=${encodeURIComponent(next)}` : next)
    }
    if (!("native" in form.dataset))
      wireForm(form, (form, button) => run(button, signal => passkeys.signIn({ email: value(form, "username"), signal }).then(done)))
    on("#passkey", (e, button) => run(button, signal => passkeys.signIn({ signal }).then(done)))
    passkeys.autofill({ onSuccess: done, onError: show })
  },

  "sign-up"() {
    const [form] = forms
    if ("native" in form.dataset) return
    const secret = /** @type {HTMLInputElement|undefined} */ (one("[name=password]", form))
    let chosen = false // the password's button
    on("[name=way]", () => { chosen = true })
    // Before wireForm's: what is typed as a password is sent by the browser, else it is not asked for.
    if (secret) form.addEventListener("submit", e => {
      const native = chosen || !!secret.value
      chosen = false
      secret.disabled = !native
      if (native) {
        e.stopImmediatePropagation()
        if (!check(form)) e.preventDefault()
      }
      setTimeout(() => { secret.disabled = false })
    })
    wireForm(form, (form, button) => run(button, async signal => {
      const { recovery_codes } = await passkeys.signUp({ email: value(form, "username"), name: value(form, "name"), signal })
      keep(recovery_codes, form.dataset.next || account + "?did=welcome")
    }))
  },

  offer() {
    const [form] = forms
    const next = value(form, "next")
    const done = (/** @type {string[]|undefined} */ codes) => keep(codes, next === account ? account + "?did=added" : next)
    on("#create", (e, button) => run(button, signal => passkeys.create({ signal }).then(made => done(made.recovery_codes))))
    if ("upgrade" in form.dataset) passkeys.upgrade().then(({ created }) => { if (created) done(undefined) })
  },

  "sign-up-proven"() {
    forms.filter(form => "proven" in form.dataset).forEach(form => wireForm(form, (form, button) => run(button, async signal => {
      const { recovery_codes } = await passkeys.signUp({ ticket: form.dataset.ticket, signal })
      keep(recovery_codes, form.dataset.next || account + "?did=welcome")
    })))
  },

  delete() {
    forms.filter(form => "ticket" in form.dataset).forEach(form => form.addEventListener("submit", e => {
      e.preventDefault()
      run(one("button", form), async signal => { // which tells password managers
        await passkeys.call("DELETE", "/api/account", undefined, { ticket: form.dataset.ticket, signal })
        go(base + "/sign-in?did=deleted")
      })
    }))
  },

  recover() {
    forms.filter(form => "recover" in form.dataset).forEach(form => wireForm(form, (form, button) => run(button, async signal => {
      const { recovery_codes } = await passkeys.recover({ ticket: form.dataset.ticket || "", signal })
      keep(recovery_codes, account + "?did=recovered")
    })))
  },

  account() {
    const did = (/** @type {string} */ what) => () => go(`${account}?did=${what}`)
    on("#add", (e, button) => run(button, async signal => {
      if (button.dataset.confirm) return go(button.dataset.confirm)
      keep((await passkeys.create({ signal })).recovery_codes, account + "?did=added")
    }))
    all(".row[data-id]").forEach(row => {
      wireRename(row, did("renamed"))
      wireRemove(row, did("removed"))
    })
    passkeys.list().catch(() => {}) // tells password managers what is left
    // Told once: not again when the page is loaded anew.
    history.replaceState(null, "", account)
  },
}

/** @param {HTMLElement} row @param {() => void} done */
function wireRename(row, done) {
  const start = one("[name=rename]", row)
  const form = /** @type {HTMLFormElement} */ (one(".rename", row))
  const input = /** @type {HTMLInputElement} */ (one("[name=name]", form))
  const open = (/** @type {boolean} */ yes) => {
    form.hidden = !yes
    one(".actions", row).hidden = yes
    mark(input, "")
    if (yes) input.select()
    else start.focus()
  }
  const cancel = (/** @type {Event} */ e) => {
    e.preventDefault()
    form.reset()
    open(false)
  }
  start.addEventListener("click", e => {
    e.preventDefault()
    open(true)
  })
  one("a", form).addEventListener("click", cancel)
  form.addEventListener("keydown", e => { if (e.key === "Escape") cancel(e) })
  form.noValidate = true
  form.addEventListener("submit", e => {
    e.preventDefault()
    if (check(form)) run(one("button", form), signal => passkeys.rename(row.dataset.id || "", input.value.trim(), { signal }).then(done))
  })
}

/** @param {HTMLElement} row @param {() => void} done */
function wireRemove(row, done) {
  const start = one("[name=remove]", row)
  const dialog = /** @type {HTMLDialogElement} */ (one("dialog", row))
  if (!dialog.showModal) return
  start.addEventListener("click", e => {
    e.preventDefault()
    dialog.showModal()
  })
  /** @type {HTMLButtonElement[]} */
  const answers = all("button", dialog)
  answers.forEach(answer => answer.addEventListener("click", e => {
    e.preventDefault()
    dialog.close()
    if (answer.value === "add") one("#add").click()
    if (answer.value === "remove") run(start, signal => passkeys.remove(row.dataset.id || "", { signal }).then(done))
  }))
}

/** Dates as the person's language and time zone have them. */
function localTimes() {
  /** @type {HTMLTimeElement[]} */
  const times = all("time")
  times.forEach(time => {
    const when = new Date(time.dateTime)
    const { lang } = document.documentElement
    /** @type {Intl.DateTimeFormatOptions} */
    const clock = "clock" in time.dataset ? { hour: "numeric", minute: "2-digit" } : {}
    time.textContent = when.toLocaleDateString(lang, { day: "numeric", month: "long", year: "numeric", ...clock })
    time.title = when.toLocaleString(lang)
  })
}

async function start() {
  on("input[aria-describedby]", (e, input) => mark(/** @type {HTMLInputElement} */ (input), ""), "input")
  localTimes()
  // Back from the browser's cache the page is as it was left: busy, or of somebody who signed out since.
  addEventListener("pageshow", e => {
    if (!e.persisted) return
    if (page === "account") location.reload()
    all("[aria-busy]").forEach(el => el.removeAttribute("aria-busy"))
    newest = undefined
    offerCancel(false)
    say("")
  })
  forms.filter(form => "native" in form.dataset).forEach(wireNative)
  forms.filter(form => "prove" in form.dataset).forEach(form => wireForm(form, (form, button) => run(button, async signal => {
    const action = /** @type {import("./types").Action|undefined} */ (form.dataset.action)
    const { ticket } = await passkeys.verify({ ticket: form.dataset.ticket, action, signal })
    if (action && ticket) goOn({ ticket })
    else go(form.dataset.next || account)
  })))
  on("[data-reveal]", reveal)
  on("#cancel", () => { if (newest) newest.abort() })
  wireCodes()
  if (pages[page]) pages[page]()
  all("#notice").forEach(el => el.focus())
  const can = await passkeys.capabilities()
  if (page === "offer" && !can.device && !can.upgrade && !("second" in forms[0].dataset)) return location.replace(value(forms[0], "next"))
  if (can.device || can.upgrade) all("[name=can]").forEach(el => { /** @type {HTMLInputElement} */ (el).value = "1" })
  if (can.passkeys || !status) return
  all("[data-needs=passkeys]").forEach(el => { el.hidden = true })
  say(isSecureContext ? "unsupported" : "insecure")
}

start()
