package mapae

// Admission is all that the end of a sign-in writes. A store does it in one
// transaction, in this order:
//
//  1. spend Spend; found spent: the verdict is VerdictSpent and nothing else
//     happens, no event either;
//  2. compare the session's user with Session.Epoch and DisabledAt; gone,
//     disabled or of another epoch: VerdictUserChanged;
//  3. apply Use to the credential: not there for that user: VerdictCredentialGone;
//     a counter that did not rise, unless both values are zero: for a
//     credential stored as not backup eligible VerdictCounterRegressed; for a
//     backup eligible one everything but the counter is written, and the
//     verdict is VerdictAdmittedRegressed;
//  4. insert Session, or, where Rotate is set, replace TokenHash, Epoch, Uses,
//     SeenAt and the two ends of that user's session Session.ID whose token
//     hash is *Rotate and whose ends are after Session.SeenAt (whatever epoch
//     that row has: step 2 has compared the new one); gone: VerdictUserChanged;
//  5. append the event that Outcomes has for the verdict.
//
// A verdict other than VerdictAdmitted and VerdictAdmittedRegressed leaves
// only the spend and the event. Verdicts are values and commit; only a failure
// of the store rolls back.
type Admission struct {
	Spend    *Spend         // nil: was spent earlier in this transaction
	Use      *CredentialUse // nil: no credential was used
	Session  Session
	Rotate   *[32]byte // token hash that the session has now; nil: a new session
	Event    Event     // what all outcomes share; Type and Reason are set by the verdict
	Outcomes [verdicts]Outcome
}

// Outcome is the event of one verdict; an empty type means no event.
type Outcome struct {
	Type   EventType
	Reason string
}

// EventFor returns the event to append for v, and false where there is none.
func (a *Admission) EventFor(v Verdict) (Event, bool) {
	e := a.Event
	e.Type, e.Reason = a.Outcomes[v].Type, a.Outcomes[v].Reason
	return e, e.Type != ""
}

// Verdict is what the store found when it admitted.
type Verdict uint8

const (
	VerdictSpent             Verdict = iota // the challenge was used before; the zero value admits nobody
	VerdictAdmitted                         // the session was made
	VerdictAdmittedRegressed                // admitted; a synced passkey's counter did not rise
	VerdictUserChanged                      // user or session gone, disabled, or of another epoch
	VerdictCredentialGone                   // no such credential of that user any more
	VerdictCounterRegressed                 // a device-bound passkey's counter did not rise

	verdicts = iota
)

// Admitted reports whether the session was made.
func (v Verdict) Admitted() bool { return v == VerdictAdmitted || v == VerdictAdmittedRegressed }

// String returns the word that stands as an event's reason.
func (v Verdict) String() string {
	return [verdicts]string{"spent", "", "counter", "user_changed", "credential_gone", "counter"}[v]
}
