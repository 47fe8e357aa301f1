import { StrictMode, useCallback, useEffect, useState } from "react"
import { createRoot } from "react-dom/client"
import { Passkeys } from "mapae"

const passkeys = new Passkeys({ base: "/auth" })

/** Who is signed in: undefined while nobody knows, null for nobody. */
function useSession() {
  const [user, setUser] = useState()
  const look = useCallback(() => fetch("/api/hello").then(r => r.ok ? r.json() : null).then(setUser), [])
  useEffect(() => { look() }, [look])
  return [user, look]
}

function SignIn({ onDone }) {
  const [said, say] = useState("")
  const tell = useCallback(error => say(error.quiet ? "" : error.message), [])
  // Passkeys in the browser's autofill, for as long as this is on the page.
  useEffect(() => passkeys.autofill({ onSuccess: onDone, onError: tell }), [onDone, tell])

  const submit = event => {
    event.preventDefault()
    const form = new FormData(event.target)
    const wish = { email: form.get("username"), name: form.get("name") }
    const act = event.nativeEvent.submitter.value === "up" ? passkeys.signUp(wish) : passkeys.signIn({ email: wish.email })
    act.then(onDone, tell)
  }
  return (
    <form onSubmit={submit}>
      <p><label>E-mail <input name="username" type="email" autoComplete="username webauthn" /></label></p>
      <p><label>Name <input name="name" autoComplete="name" /></label></p>
      <p><button value="in">Sign in</button> <button value="up">Create an account</button></p>
      <p role="status">{said}</p>
    </form>
  )
}

function App() {
  const [user, look] = useSession()
  if (user === undefined) return null
  if (user === null) return <SignIn onDone={look} />
  return (
    <p>Hello, {user.name}. <button onClick={() => passkeys.signOut().then(look)}>Sign out</button> <a href="/auth/account">Passkeys</a></p>
  )
}

createRoot(document.getElementById("root")).render(<StrictMode><App /></StrictMode>)
