/** What went wrong, as a page cares to know it. */
export type Code =
  | "cancelled" // the person closed the dialogue, or it ran out
  | "aborted" // a later call took its place
  | "exists" // this device has a passkey for the account already
  | "unsupported" // no passkeys here: an old browser, or a page without https
  | "origin" // not at this address
  | "policy" // the site, or a frame around it, does not allow it
  | "expired" // it took too long, or another tab was quicker
  | "unknown_passkey" // the server does not know it any more
  | "locked" // too many tries: see retry_after of the cause
  | "network" // the server can't be reached
  | "server" // the server is in trouble
  | "failed"; // anything else: the message says what

/** The members of the server's application/problem+json that matter here. */
export interface Problem {
  code?: string;
  message?: string; // a sentence in the reader's language
  field?: string; // the input at fault
  retry_after?: number; // seconds
  request_id?: string;
  ticket?: string; // of the second step that is due
  methods?: string[]; // for that step
  signals?: Signals;
}

/** What a step-up can be made for and nothing else. */
export type Action = "change_email" | "delete_account";

/** What a call may be given; each call says what it reads. */
export interface Wish {
  email?: string;
  name?: string;
  ticket?: string;
  action?: Action; // of a step-up
  signal?: AbortSignal; // aborted: the call rejects with its reason
}

export interface SignUp extends Wish {
  email?: string;
  name?: string;
  ticket?: string; // of a proven address, in their place
}

export interface Recovery extends Wish {
  ticket: string;
}

export interface Passkey {
  id: string; // base64url
  name: string;
  created_at: string; // RFC 3339
  last_used_at: string | null;
  synced: boolean;
  backup_eligible: boolean;
  first_factor: boolean;
  current: boolean; // used in this session
  aaguid: string;
  provider: string | null; // name of the model that the AAGUID stands for, where it is known
  kind: "platform" | "password_manager" | "security_key" | null; // and what it is
  transports: string[];
  recovery_codes?: string[]; // made with the first passkey, shown once
}

/** What to offer next to who has signed in. */
export type Suggestion =
  | "create_passkey" // a passkey: next time nothing has to be typed
  | "create_local_passkey" // one on this device: a phone was used beside it
  | "create_second_passkey"; // one more: the only one is on one device alone

/** The end of a sign-up, a sign-in or a step-up; the session itself is in a cookie. */
export interface SignedIn {
  session: Record<string, unknown>;
  user: Record<string, unknown>;
  recovery_codes?: string[]; // made with the first passkey, shown once
  suggest?: Suggestion[];
  ticket?: string; // of a step-up for an action: allows it once; or what a sign-up goes on with
  email_code_required?: boolean; // a sign-up is not done: a code was mailed, which POST /api/auth/signup/verify takes with the ticket
}

/** Arguments for functions of PublicKeyCredential, by the function's name: passed on as they are. */
export interface Signals {
  signalAllAcceptedCredentials?: { rpId: string; userId: string; allAcceptedCredentialIds: string[] };
  signalCurrentUserDetails?: { rpId: string; userId: string; name: string; displayName: string };
  signalUnknownCredential?: { rpId: string; credentialId: string };
  [name: string]: object | undefined;
}

export interface Capabilities {
  passkeys: boolean; // passkeys work in this browser, on this page
  autofill: boolean; // they can be offered in autofill
  device: boolean; // this device has a fingerprint reader, a face camera or a PIN
  upgrade: boolean; // a passkey can be made without a dialogue after a password sign-in
  signals: boolean; // the password manager can be told of removed passkeys
}

export interface Autofill {
  onSuccess: (result: SignedIn) => void;
  onError?: (error: import("./mapae.js").PasskeyError) => void;
}
