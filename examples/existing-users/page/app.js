const one = selector => document.querySelector(selector)

async function send(path, body = {}) {
  const response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })
  const answer = await response.json()
  if (!response.ok) throw new Error(answer.error)
  return answer
}

const get = async publicKey =>
  (await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) })).toJSON()
const create = async publicKey =>
  (await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) })).toJSON()

/** Goes on where a second step is due. */
const second = async ({ ticket, publicKey, ...done }) =>
  ticket ? send("/login/second", { ticket, credential: await get(publicKey) }) : done

const welcome = ({ name }) => {
  one("#said").textContent = `Hello, ${name}.`
  one("#login").hidden = true
  one("#add").hidden = one("#out").hidden = false
}

const run = action => action().catch(error => {
  one("#said").textContent = error.name === "NotAllowedError" ? "Nothing has changed." : error.message
})

one("#login").addEventListener("submit", event => {
  event.preventDefault()
  run(async () => welcome(await second(await send("/login", Object.fromEntries(new FormData(event.target))))))
})
one("#passkey").addEventListener("click", () => run(async () => {
  const { publicKey } = await send("/login/passkey/options")
  welcome(await second(await send("/login/passkey", { credential: await get(publicKey) })))
}))
one("#add").addEventListener("click", () => run(async () => {
  const { publicKey } = await send("/passkeys/options")
  const { recovery_codes } = await send("/passkeys", { credential: await create(publicKey) })
  one("#said").textContent = "Added." + (recovery_codes ? " Keep these codes: " + recovery_codes.join(" ") : "")
}))
one("#out").addEventListener("click", () => run(async () => {
  await send("/logout")
  location.reload()
}))
