package mapae

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// StatePrefix starts what a provider brings back as state, so that it is never
// taken for a ticket.
const StatePrefix = "mf_"

// Bounds of what comes back from a provider, in bytes.
const (
	maxSubject  = 255
	maxAuthCode = 2048
	maxNext     = 1024
)

// FederatedPurpose is what a trip to a provider is for.
type FederatedPurpose string

const (
	FederatedSignIn  FederatedPurpose = "signin"
	FederatedLink    FederatedPurpose = "link"
	FederatedReauth  FederatedPurpose = "reauth"
	FederatedRecover FederatedPurpose = "recover"
)

// FederatedRequest asks to be sent to a provider.
type FederatedRequest struct {
	Provider    string // name
	RedirectURI string // where the provider sends the person back to: https://HOST/…/callback
	Next        string // path to go to afterwards, for the face to read; longer than 1 KiB it is dropped
	Locale      string // BCP 47 tag of the page, for an account that is made; may be empty
	Invitation  string // what Auth.Invite gave, where sign-up is by invitation
	Action      Action // what BeginReauthFederated is for
}

// FederatedAnswer is what a provider sent the person back with.
type FederatedAnswer struct {
	Provider    string // name, of the route that it came to
	RedirectURI string // of that route, exact
	State       string
	Error       string // of RFC 6749 §4.1.2.1; empty: none
	ProviderAnswer
}

// FederatedStep is what a trip to a provider led to. Purpose, Next and Action
// are set whenever the state could be read, also beside an error.
type FederatedStep struct {
	Purpose   FederatedPurpose
	Next      string
	Action    Action
	Cancelled bool // the person said no there; nothing has changed

	SignInStep               // of a sign-in and a step-up
	Taken      string        // nobody is signed in: the account with this proven address must be, to link
	Unproven   *UnprovenStep // nobody is signed in: a new account's address must be proven first
	Recovery   *RecoveryStep // of a recovery
}

// UnprovenStep is what a sign-up goes on with whose provider vouches for no
// address: RequestFederatedCode.
type UnprovenStep struct {
	Ticket string
	Email  string // as the provider told it; may be empty
}

// errTrip is the answer to a state that is missing, foreign, ended or used.
var errTrip = fail(CodeCeremonyInvalid, errors.New("state: it belongs to something else"))

// Providers are those that Config.Methods lists, in their order.
func (a *Auth) Providers() Federated { return slices.Clone(a.federated) }

// tripPurposes are the purposes of states.
var tripPurposes = map[purpose]FederatedPurpose{
	purposeTrip: FederatedSignIn, purposeTripLink: FederatedLink, purposeTripReauth: FederatedReauth, purposeTripRecover: FederatedRecover,
}

// BeginFederated returns the URL of a provider's page to sign in at. It writes
// nothing. c is bound by a cookie that the browser sends when another site
// sends it back. Errors: CodeNotFound no such provider; CodeForbidden an app
// asks; CodeUnavailable the provider is out of reach.
func (a *Auth) BeginFederated(ctx context.Context, c Client, req FederatedRequest) (string, error) {
	return a.beginTrip(ctx, c, req, ticket{Purpose: purposeTrip})
}

// BeginLink returns the URL of a provider's page, to link an account there with
// that of cur's user, in a session that is fresh. Errors as BeginFederated's,
// and CodeStepUpRequired.
func (a *Auth) BeginLink(ctx context.Context, c Client, cur Current, req FederatedRequest) (string, error) {
	if err := a.mayChange(cur); err != nil {
		return "", err
	}
	return a.beginTrip(ctx, c, req, tripIn(cur, purposeTripLink))
}

// BeginReauthFederated returns the URL of a provider's page, for a step-up by
// an identity of cur's user, for req.Action or in general. The provider is asked
// for a fresh proof where it knows how. Errors as BeginFederated's.
func (a *Auth) BeginReauthFederated(ctx context.Context, c Client, cur Current, req FederatedRequest) (string, error) {
	t := tripIn(cur, purposeTripReauth)
	t.Name = string(req.Action)
	return a.beginTrip(ctx, c, req, t)
}

// BeginRecoveryFederated returns the URL of a provider's page, as a proof in
// the recovery of the ticket. Errors as BeginFederated's; CodeCeremonyInvalid
// the ticket; CodeBadRequest with the field method, that proof was given.
func (a *Auth) BeginRecoveryFederated(ctx context.Context, c Client, ticketText string, req FederatedRequest) (string, error) {
	r, err := a.openTicket(ticketText, purposeRecover, &c)
	if err != nil {
		return "", err
	}
	if slices.Contains(r.Proofs, MethodFederated) {
		return "", badField("method", fmt.Errorf("%s was given", MethodFederated))
	}
	return a.beginTrip(ctx, c, req, ticket{Purpose: purposeTripRecover, Login: r.Login, UserID: r.UserID, Epoch: r.Epoch, Proofs: r.Proofs,
		Grant: &grant{Nonce: r.nonce, EndsAt: r.endsAt()}})
}

// tripIn is a trip that ends in the session that it began in.
func tripIn(cur Current, p purpose) ticket {
	return ticket{Purpose: p, UserID: []byte(cur.User.ID), Epoch: cur.User.Epoch, Session: sessionBinding(cur.Session.ID)}
}

// beginTrip seals t as a state of this browser, and asks the provider where to
// go with it.
func (a *Auth) beginTrip(ctx context.Context, c Client, req FederatedRequest, t ticket) (string, error) {
	p := a.federated.named(req.Provider)
	switch {
	case p == nil:
		return "", fail(CodeNotFound, errors.New("no such provider"))
	case c.App || len(c.Bindings) == 0:
		return "", fail(CodeForbidden, errors.New("only a browser can be sent to a provider"))
	}
	if err := checkLocale(req.Locale); err != nil {
		req.Locale = ""
	}
	t.Provider, t.Binding, t.Locale, t.Invitation = req.Provider, c.Bindings[0], req.Locale, req.Invitation
	if len(req.Next) <= maxNext {
		t.Next = req.Next
	}
	t.Key = make([]byte, tokenSecret)
	a.random(t.Key)
	state, err := a.sealUnder(sealState, StatePrefix, t, ticketLife)
	if err != nil {
		return "", err
	}
	if len(state) > maxTicket {
		return "", badField("invitation", errors.New("it is too long"))
	}
	to, err := p.Start(ctx, a.trip(t, req.RedirectURI, state))
	if err != nil {
		return "", unreachable(p, err)
	}
	return to, nil
}

// trip is what a provider is told of t. Nonce and PKCE verifier follow from the
// state's own random key, which only the seal knows.
func (a *Auth) trip(t ticket, redirectURI, state string) ProviderTrip {
	derive := func(what string) string {
		sum := sha256.Sum256(append([]byte(what+"\x00"), t.Key...))
		return encode64(sum[:])
	}
	trip := ProviderTrip{RedirectURI: redirectURI, State: state, Nonce: derive("nonce"), Verifier: derive("pkce"), At: a.now()}
	if t.Purpose == purposeTripReauth || t.Purpose == purposeTripRecover {
		trip.Since = trip.At
		if t.Issued != 0 {
			trip.Since = time.UnixMicro(t.Issued)
		}
	}
	return trip
}

// unreachable is the CodeUnavailable of a provider that is down.
func unreachable(p Provider, err error) error {
	return &Error{Code: CodeUnavailable, Field: "provider", RetryAfter: 30 * time.Second, Err: fmt.Errorf("provider %s: %w", p.Name(), err)}
}

// FinishFederated takes what a provider sent the person back with, and does
// what the trip was for. cur is the live session of the browser; nil: none.
// c.Bindings are the browser's, of which one is the one that the trip began
// with; the first is what a next step is bound to.
//
// Who somebody is, is decided by issuer and subject alone. Somebody unknown
// gets an account where the provider vouches for an address that nobody here
// has proven; where it vouches for none, the address is proven by a code first;
// where somebody has it, they sign in to that account and link.
//
// The state is spent in the transaction of its effect, and by an answer that is
// refused; a provider that is down spends nothing. Errors: CodeCeremonyInvalid
// the state is not this browser's, ended, of another provider or session, or
// used; CodeAuthenticationFailed the answer is refused, with an event that says
// why; CodeUnavailable, with the field provider where that is down;
// CodeForbidden the policy makes no account, with the field provider where there
// is no mailer to prove the address; CodeConflict the identity is linked already.
func (a *Auth) FinishFederated(ctx context.Context, c Client, cur *Current, answer FederatedAnswer) (FederatedStep, error) {
	t, p, err := a.openState(c, cur, answer)
	if err != nil {
		return FederatedStep{}, err
	}
	step := FederatedStep{Purpose: tripPurposes[t.Purpose], Next: t.Next, Action: Action(t.Name)}
	if answer.Error == "access_denied" || answer.Error == "user_cancelled_authorize" {
		step.Cancelled = true
		return step, nil
	}
	way := federatedWay{client: c, provider: p, trip: t}
	if way.profile, err = a.askProvider(ctx, way, answer); err != nil {
		return step, err
	}
	switch t.Purpose {
	case purposeTripLink:
		return step, a.link(ctx, way, *cur)
	case purposeTripReauth:
		step.Admitted, err = a.reauthFederated(ctx, way, *cur)
	case purposeTripRecover:
		step.Recovery, err = a.recoverFederated(ctx, way)
	default:
		err = a.signInFederated(ctx, way, &step)
	}
	return step, err
}

// openState opens what came back as state.
func (a *Auth) openState(c Client, cur *Current, answer FederatedAnswer) (ticket, Provider, error) {
	p := a.federated.named(answer.Provider)
	if p == nil {
		return ticket{}, nil, fail(CodeNotFound, errors.New("no such provider"))
	}
	t, err := a.openUnder(sealState, StatePrefix, answer.State)
	if err == nil {
		err = a.checkLife(time.UnixMicro(t.Issued), t.endsAt())
	}
	if err == nil {
		err = checkBinding(false, t.Binding, c, nil)
	}
	switch {
	case err != nil:
		return ticket{}, nil, fail(CodeCeremonyInvalid, fmt.Errorf("state: %w", err))
	case tripPurposes[t.Purpose] == "" || t.Provider != answer.Provider:
		return ticket{}, nil, errTrip
	}
	if t.Session != ([32]byte{}) {
		if cur == nil || !t.isOf(*cur) {
			return ticket{}, nil, errTrip
		}
	}
	return t, p, nil
}

// isOf reports whether t was issued in the session cur.
func (t ticket) isOf(cur Current) bool {
	b := sessionBinding(cur.Session.ID)
	return subtle.ConstantTimeCompare(b[:], t.Session[:]) == 1 && UserID(t.UserID) == cur.User.ID && t.Epoch == cur.User.Epoch
}

// federatedWay is one trip that came back.
type federatedWay struct {
	client   Client
	provider Provider
	trip     ticket
	profile  Profile
}

// identity is who the provider says it is, as a link of that user.
func (w federatedWay) identity(user UserID, at time.Time) Identity {
	return Identity{Provider: w.provider.Issuer(), Subject: w.profile.Subject, UserID: user, Email: w.profile.Email, CreatedAt: at, LastUsedAt: at}
}

// failed is the type of the event of a trip that fails.
func (w federatedWay) failed() EventType {
	switch w.trip.Purpose {
	case purposeTripLink:
		return EventIdentityLinkFailed
	case purposeTripReauth:
		return EventReauthFailed
	case purposeTripRecover:
		return EventRecoveryFailed
	}
	return EventSignInFailed
}

// refuseTrip spends the state of w with an event that says why, and returns
// refused.
func (a *Auth) refuseTrip(ctx context.Context, w federatedWay, user UserID, why string, refused error) error {
	if user == "" {
		user = UserID(w.trip.UserID)
	}
	s := w.trip.spend()
	return a.refuse(ctx, &s, a.failure(w.client, w.failed(), user, MethodFederated, w.provider.Name()+":"+why), refused)
}

// askProvider returns who the provider says it is.
func (a *Auth) askProvider(ctx context.Context, w federatedWay, answer FederatedAnswer) (Profile, error) {
	refused := func(why string, err error) (Profile, error) {
		code := CodeAuthenticationFailed
		if why == ReasonMixedUp {
			code = CodeCeremonyInvalid
		}
		return Profile{}, a.refuseTrip(ctx, w, "", why, fail(code, fmt.Errorf("provider %s: %w", w.provider.Name(), err)))
	}
	switch n := len(answer.Code); {
	case answer.Error == "server_error" || answer.Error == "temporarily_unavailable":
		return Profile{}, unreachable(w.provider, errors.New(answer.Error))
	case answer.Error != "":
		return refused("answer", fmt.Errorf("error %q", clip(answer.Error)))
	case n == 0 || n > maxAuthCode:
		return refused("answer", fmt.Errorf("a code of %d bytes", n))
	}
	profile, err := w.provider.Finish(ctx, a.trip(w.trip, answer.RedirectURI, answer.State), answer.ProviderAnswer)
	var wrong *ProviderError
	switch {
	case errors.As(err, &wrong):
		return refused(wrong.Reason, err)
	case err != nil:
		return Profile{}, unreachable(w.provider, err)
	}
	if s := profile.Subject; s == "" || len(s) > maxSubject || !utf8.ValidString(s) || slices.Contains([]byte(s), 0) {
		return refused("subject", fmt.Errorf("a subject of %d bytes", len(s)))
	}
	if _, err := loginKey(profile.Email); err != nil {
		profile.Email, profile.EmailVerified = "", false
	}
	return profile, nil
}

// use is what uses up the trip of w in the transaction that admits u: the state
// is spent, and the identity is still u's.
func (a *Auth) useTrip(w federatedWay, u User) consume {
	return func(ctx context.Context, tx Tx) error {
		if err := w.trip.consume(ctx, tx); err != nil {
			return err
		}
		err := tx.TouchIdentity(ctx, u.ID, w.provider.Issuer(), w.profile.Subject, a.now())
		if errors.Is(err, ErrNotFound) {
			return errTicketSpent // unlinked meanwhile
		}
		return err
	}
}

// known returns the user that the identity of w is linked with: want, where
// that is not empty. Everything else is refused, and in a recovery what was
// linked shortly before the account was frozen.
func (a *Auth) known(ctx context.Context, w federatedWay, want UserID) (User, error) {
	i, u, err := a.store.Identity(ctx, w.provider.Issuer(), w.profile.Subject)
	why := ""
	switch {
	case err != nil && !errors.Is(err, ErrNotFound):
		return User{}, broken("look up an identity", err)
	case err != nil, want != "" && u.ID != want:
		u, why = User{}, reasonIdentity
	case w.trip.Purpose == purposeTripRecover && a.doubted(u, i.CreatedAt):
		u, why = User{}, reasonIdentity
	case u.Disabled():
		why = reasonDisabled
	}
	if why != "" {
		return User{}, a.refuseTrip(ctx, w, u.ID, why, fail(CodeAuthenticationFailed, errors.New(why)))
	}
	return u, nil
}

// reauthFederated is a step-up by an identity of cur's user.
func (a *Auth) reauthFederated(ctx context.Context, w federatedWay, cur Current) (Admitted, error) {
	u, err := a.known(ctx, w, cur.User.ID)
	if err != nil {
		return Admitted{}, err
	}
	in, err := a.admit(ctx, admission{client: w.client, user: u, uses: []Use{{Method: MethodFederated, At: a.now()}},
		event: EventReauth, refused: EventReauthFailed, current: &cur.Session, with: a.useTrip(w, u)})
	if err != nil {
		return Admitted{}, err
	}
	in.Ticket, err = a.actionTicket(w.client, cur, Action(w.trip.Name))
	return in, err
}

// recoverFederated is a proof in a recovery: by an identity of the account that
// it is about.
func (a *Auth) recoverFederated(ctx context.Context, w federatedWay) (*RecoveryStep, error) {
	u, err := a.known(ctx, w, "")
	if err != nil {
		return nil, err
	}
	if u.LoginKey != w.trip.Login {
		return nil, a.refuseTrip(ctx, w, "", reasonIdentity, fail(CodeAuthenticationFailed, errors.New(reasonIdentity)))
	}
	t := ticket{Purpose: purposeRecover, Login: w.trip.Login, UserID: w.trip.UserID, Epoch: w.trip.Epoch, Proofs: w.trip.Proofs}.boundTo(w.client)
	t.nonce, t.Ends = w.trip.Grant.Nonce, w.trip.Grant.EndsAt.UnixMicro()
	step, err := a.proven(ctx, w.client, t, u, MethodFederated, a.useTrip(w, u))
	return &step, err
}
