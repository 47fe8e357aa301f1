package mapae_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/memory"
	"github.com/mapae/mapae/storetest"
)

// postman is a Mailer that notes what it was given; says may refuse it.
type postman struct {
	mu   sync.Mutex
	got  []mapae.Message
	says func(context.Context, mapae.Message) error
}

func (p *postman) Send(ctx context.Context, m mapae.Message) error {
	p.mu.Lock()
	p.got = append(p.got, m)
	says := p.says
	p.mu.Unlock()
	if says == nil {
		return nil
	}
	return says(ctx, m)
}

// taken returns what was given since the last call.
func (p *postman) taken() []mapae.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	got := p.got
	p.got = nil
	return got
}

// post is a world with a postman, and what Notify was told.
type post struct {
	*world
	*postman
	mu   sync.Mutex
	told []mapae.Event
}

func newPost(t *testing.T, store mapae.Store) *post {
	t.Helper()
	p := &post{postman: &postman{}}
	p.world = newWorldOn(t, store, func(cfg *mapae.Config) {
		cfg.Mailer = p.postman
		cfg.Notify = func(_ context.Context, e mapae.Event) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.told = append(p.told, e)
		}
	})
	return p
}

func (p *post) write(l mapae.Letter) {
	p.t.Helper()
	if err := p.Write(p.ctx, l); err != nil {
		p.t.Fatal(err)
	}
}

// delivers demands that a delivery sends that many mails.
func (p *post) delivers(want int) {
	p.t.Helper()
	if sent, err := p.Deliver(p.ctx); err != nil || sent != want {
		p.t.Errorf("delivered %d, %v; want %d", sent, err, want)
	}
}

// outbox returns all mails as if they were due, claiming each in a transaction
// that is undone.
func (p *post) outbox() (list []mapae.Mail) {
	p.t.Helper()
	undo := errors.New("undo")
	end := time.UnixMicro(p.clock.Load()).AddDate(1, 0, 0)
	err := p.store.Update(p.ctx, func(tx mapae.Tx) (err error) {
		if list, err = tx.ClaimMail(p.ctx, end, end, 1000); err != nil {
			return err
		}
		return undo
	})
	if !errors.Is(err, undo) {
		p.t.Fatal(err)
	}
	for i := range list {
		list[i].DueAt = list[i].CreatedAt
	}
	return list
}

func notice(n int) mapae.Letter {
	return mapae.Letter{Kind: mapae.MailNotice, To: fmt.Sprintf("kim%d@example.com", n)}
}

func TestAMailerGetsAllThatAFlowSaysAndTheStoreNothingInTheClear(t *testing.T) {
	t.Parallel()
	p := newPost(t, memory.New())
	u := mapae.User{ID: "kim", Name: "Kim", Locale: "ko", Email: "kim@example.com"}
	about := mapae.Event{ID: "\xff event", At: p.now().UTC(), Type: mapae.EventPasskeyAdded, UserID: "kim\xff", SessionID: "\xfe session",
		Method: mapae.MethodPasskey, Credential: []byte{1, 2}, Reason: "x", Address: "192.0.2.1", UserAgent: "Browser/1", RequestID: "r", App: true}
	ends := p.now().UTC().Add(time.Hour)
	p.write(mapae.Letter{Kind: mapae.MailNotice, User: u, To: u.Email, Code: "SECRETCODE", Link: "https://example.com/secretlink",
		UndoLink: "https://example.com/secretundo", EndsAt: ends, Event: &about, Device: "secretdevice"})
	row := p.outbox()[0]
	for _, secret := range []string{"SECRETCODE", "secretlink", "secretundo", "secretdevice", "192.0.2.1"} {
		if bytes.Contains(row.Data, []byte(secret)) || strings.Contains(row.To+row.LastError, secret) {
			t.Errorf("%s lies in the store in the clear", secret)
		}
	}
	p.delivers(1)
	got := p.taken()[0]
	if got.Event == nil || !slices.Equal(got.Event.Credential, about.Credential) {
		t.Fatalf("event %+v", got.Event)
	}
	if fmt.Sprintf("%+v", *got.Event) != fmt.Sprintf("%+v", about) {
		t.Errorf("event\n%+v, want\n%+v", *got.Event, about)
	}
	got.Event = nil
	want := mapae.Message{ID: row.ID, To: u.Email, Kind: mapae.MailNotice, Locale: "ko", Site: "Example", Name: "Kim", Code: "SECRETCODE",
		Link: "https://example.com/secretlink", UndoLink: "https://example.com/secretundo", EndsAt: ends, Device: "secretdevice", At: row.CreatedAt}
	if got != want {
		t.Errorf("message\n%+v, want\n%+v", got, want)
	}
	if len(p.outbox()) != 0 || len(p.told) != 1 || p.told[0].Type != mapae.EventMailSent || p.told[0].Reason != "notice" || len(p.events()) != 0 {
		t.Errorf("outbox %v, told %v, events %v: a mail that was sent is gone, and told of once", p.outbox(), p.told, p.events())
	}
}

func TestAMailThatIsRefusedWaitsLongerEachTimeAndIsGivenUp(t *testing.T) {
	t.Parallel()
	p := newPost(t, memory.New())
	p.says = func(context.Context, mapae.Message) error { return errors.New("451 later") }
	p.write(notice(1))
	began := p.clock.Load()
	for _, wait := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour} {
		p.delivers(0)
		if n := len(p.taken()); n != 1 {
			t.Fatalf("%d attempts before a wait of %v, want one", n, wait)
		}
		if got := p.outbox()[0].LastError; got != "451 later" {
			t.Errorf("the last error is %q", got)
		}
		p.pass(wait - time.Second)
		p.delivers(0)
		if n := len(p.taken()); n != 0 {
			t.Fatalf("it was tried before %v were over", wait)
		}
		p.pass(time.Second)
	}
	for len(p.outbox()) > 0 {
		p.delivers(0)
		p.pass(time.Hour)
	}
	if hours := time.Duration(p.clock.Load()-began) * time.Microsecond; hours < 24*time.Hour || hours > 27*time.Hour {
		t.Errorf("given up after %v", hours)
	}
	if e := p.lastEvent(); e.Type != mapae.EventMailFailed || e.Reason != "notice:timeout" || len(p.told) != 1 || p.told[0].ID != e.ID {
		t.Errorf("event %+v, told %v", e, p.told)
	}
}

func TestWhatCanNotBeDeliveredIsGivenUpAtOnceWithTheReason(t *testing.T) {
	t.Parallel()
	p := newPost(t, memory.New())
	p.says = func(context.Context, mapae.Message) error {
		return fmt.Errorf("550 unknown: %w", mapae.ErrUndeliverable)
	}
	p.write(notice(1))
	p.delivers(0)
	code := mapae.Letter{Kind: mapae.MailSignInCode, To: "kim@example.com", Code: "X", EndsAt: p.now().Add(10 * time.Minute)}
	p.says = nil
	p.write(code)
	p.pass(10 * time.Minute)
	p.delivers(0)
	foreign := p.node(func(cfg *mapae.Config) {
		cfg.Store = memory.New()
		cfg.Secrets = []mapae.RootKey{{Secret: [32]byte{9}}}
	})
	foreign.store = foreign.cfg.Store
	if err := foreign.Write(p.ctx, notice(2)); err != nil {
		t.Fatal(err)
	}
	stolen := (&post{world: foreign}).outbox()[0]
	if err := p.store.Update(p.ctx, func(tx mapae.Tx) error { return tx.AddMail(p.ctx, stolen) }); err != nil {
		t.Fatal(err)
	}
	p.delivers(0)
	var reasons []string
	for _, e := range p.events() {
		reasons = append(reasons, string(e.Type)+" "+e.Reason)
	}
	want := []string{"mail_failed notice:unreadable", "mail_failed signin_code:expired", "mail_failed notice:refused"}
	if !slices.Equal(reasons, want) || len(p.outbox()) != 0 || len(p.taken()) != 1 {
		t.Errorf("%q, want %q, and an empty outbox", reasons, want)
	}
}

func TestAWarningIsSentHoweverLate(t *testing.T) {
	t.Parallel()
	for _, kind := range []mapae.MailKind{mapae.MailNotice, mapae.MailRecovery, mapae.MailEmailChanged} {
		p := newPost(t, memory.New())
		p.write(mapae.Letter{Kind: kind, To: "kim@example.com", EndsAt: p.now().Add(time.Minute)})
		p.pass(time.Hour)
		p.delivers(1)
	}
}

// Whoever can write to the store must not be able to send a link elsewhere.
func TestASealedMailIsGoodForItsOwnRowOnly(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*mapae.Mail){
		"address": func(m *mapae.Mail) { m.To = "thief@example.com" },
		"kind":    func(m *mapae.Mail) { m.Kind = mapae.MailReset },
		"ID":      func(m *mapae.Mail) { m.ID = mapae.MailID(strings.Repeat("x", 16)) },
		"data":    func(m *mapae.Mail) { m.Data[len(m.Data)-1] ^= 1 },
	} {
		p := newPost(t, memory.New())
		p.write(notice(1))
		m := p.outbox()[0]
		id := m.ID
		change(&m)
		err := p.store.Update(p.ctx, func(tx mapae.Tx) error {
			return errors.Join(tx.RemoveMail(p.ctx, id), tx.AddMail(p.ctx, m))
		})
		if err != nil {
			t.Fatal(err)
		}
		p.delivers(0)
		if len(p.taken()) != 0 || !strings.HasSuffix(p.lastEvent().Reason, ":unreadable") {
			t.Errorf("%s changed: %+v", name, p.lastEvent())
		}
	}
}

func TestAnAddressGetsFiveMailsAnHourThatStrangersCanCauseAndEveryWarning(t *testing.T) {
	t.Parallel()
	p := newPost(t, memory.New())
	kinds := []mapae.MailKind{mapae.MailSignInCode, mapae.MailReset, mapae.MailNobody, mapae.MailSignUpTaken, mapae.MailVerifyEmail}
	addresses := []string{"kim@example.com", "Kim@Example.com", "KIM@EXAMPLE.COM", "ｋｉｍ@example.com", "kim@example.com"}
	for i, kind := range kinds {
		p.write(mapae.Letter{Kind: kind, To: addresses[i]})
	}
	p.write(mapae.Letter{Kind: mapae.MailSignInCode, To: "kim@example.com"})
	p.write(mapae.Letter{Kind: mapae.MailNobody, To: "kim@example.com"})
	if n := len(p.outbox()); n != 5 {
		t.Errorf("%d mails, want 5", n)
	}
	p.write(mapae.Letter{Kind: mapae.MailSignInCode, To: "other@example.com"})
	for _, kind := range []mapae.MailKind{mapae.MailNotice, mapae.MailRecovery, mapae.MailEmailChanged, mapae.MailInvitation, mapae.MailSignInLink} {
		p.write(mapae.Letter{Kind: kind, To: "kim@example.com"})
	}
	if n := len(p.outbox()); n != 11 {
		t.Errorf("%d mails, want 11: another address, and what warns", n)
	}
	p.node(func(*mapae.Config) {}).Write(p.ctx, mapae.Letter{Kind: mapae.MailSignInCode, To: "kim@example.com"})
	if n := len(p.outbox()); n != 11 {
		t.Errorf("%d mails, want 11: another node counts with this one", n)
	}
	p.pass(time.Hour)
	p.write(mapae.Letter{Kind: mapae.MailSignInCode, To: "kim@example.com"})
	if n := len(p.outbox()); n != 12 {
		t.Errorf("%d mails, want 12: an hour later", n)
	}
	p.delivers(11) // but MailNobody
}

func TestMailToNobodyIsWrittenAndNeverSent(t *testing.T) {
	t.Parallel()
	p := newPost(t, memory.New())
	p.write(mapae.Letter{Kind: mapae.MailNobody, To: "stranger@example.com"})
	row := p.outbox()[0]
	if row.To != "" || len(row.Data) == 0 {
		t.Errorf("row %+v: what strangers type is not kept", row)
	}
	p.delivers(0)
	if len(p.outbox()) != 0 || len(p.taken()) != 0 || len(p.told) != 0 {
		t.Error("it was sent, told of, or is still there")
	}
}

func TestWithoutAMailerNothingIsWrittenOrCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 7 {
		if err := w.Write(w.ctx, mapae.Letter{Kind: mapae.MailSignInCode, To: "kim@example.com"}); err != nil {
			t.Fatal(err)
		}
	}
	if f := must(w.store.Failures(w.ctx, w.MailKey("kim@example.com")))(t); f.Count != 0 || len((&post{world: w}).outbox()) != 0 {
		t.Errorf("counted %d", f.Count)
	}
	if n, err := w.Deliver(w.ctx); n != 0 || err != nil {
		t.Errorf("delivered %d, %v", n, err)
	}
}

func TestAMailGoesWithItsTransaction(t *testing.T) {
	t.Parallel()
	p := newPost(t, memory.New())
	faulty := p.node(func(cfg *mapae.Config) { cfg.Store = storetest.Faulty(p.store, 6) }) // New makes three calls
	if err := faulty.Write(p.ctx, mapae.Letter{Kind: mapae.MailSignInCode, To: "kim@example.com"}); !errors.Is(err, storetest.ErrFault) {
		t.Fatalf("%v, want the fault", err)
	}
	if f := must(p.store.Failures(p.ctx, p.MailKey("kim@example.com")))(t); f.Count != 0 || len(p.outbox()) != 0 {
		t.Errorf("counted %d, %d mails: all or nothing", f.Count, len(p.outbox()))
	}
}

// TestAStoreThatFailsLosesNoMail fails each call of a delivery in turn: no mail
// is lost, and it is sent twice only where its removal failed.
func TestAStoreThatFailsLosesNoMail(t *testing.T) {
	t.Parallel()
	for n := 4; ; n++ { // New makes three calls
		good := memory.New()
		p := newPost(t, good)
		p.write(notice(1))
		p.write(notice(2))
		store := storetest.Faulty(good, n)
		broken := p.node(func(cfg *mapae.Config) { cfg.Store = store })
		_, err := broken.Deliver(p.ctx)
		if !store.Struck() {
			if err != nil || n < 10 {
				t.Fatalf("%v after %d calls", err, n)
			}
			return
		}
		if !errors.Is(err, mapae.ErrUnavailable) {
			t.Errorf("call %d: %v, want unavailable", n, err)
		}
		first := len(p.taken())
		p.pass(time.Hour) // claims run out
		if _, err := p.Deliver(p.ctx); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		all := first
		for _, m := range p.taken() {
			seen[m.To] = true
			all++
		}
		if len(p.outbox()) != 0 || all < 2 || all > 3 {
			t.Errorf("call %d: %d sent in all, %d left", n, all, len(p.outbox()))
		}
	}
}

func TestWhenTheContextEndsTheMailUnderWayIsFinishedAndTheOthersAreGivenBack(t *testing.T) {
	t.Parallel()
	p := newPost(t, memory.New())
	for n := range 5 {
		p.write(notice(n))
	}
	ctx, cancel := context.WithCancel(p.ctx)
	p.says = func(ctx context.Context, m mapae.Message) error {
		if m.To == "kim1@example.com" {
			cancel()
		}
		return ctx.Err() // the mail under way is not interrupted
	}
	if sent, err := p.Deliver(ctx); sent != 2 || err != nil {
		t.Errorf("sent %d, %v; want 2", sent, err)
	}
	p.taken()
	p.delivers(3) // at once: nobody waits for a claim to run out
	if got := p.taken(); len(got) != 3 || got[0].To != "kim2@example.com" {
		t.Errorf("%d mails", len(got))
	}
}

func TestAMailThatBreaksTheMailerHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	p := newPost(t, memory.New())
	for n := range 3 {
		p.write(notice(n))
	}
	p.says = func(_ context.Context, m mapae.Message) error {
		if m.To == "kim0@example.com" {
			panic("template")
		}
		return nil
	}
	p.delivers(2)
	if left := p.outbox(); len(left) != 1 || !strings.Contains(left[0].LastError, "template") {
		t.Errorf("left: %+v", left)
	}
}

func TestTwoNodesSendEachMailOnce(t *testing.T) {
	t.Parallel()
	p := newPost(t, memory.New())
	const mails = 100
	for n := range mails {
		p.write(notice(n))
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := p.Deliver(p.ctx); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	seen := map[string]int{}
	for _, m := range p.taken() {
		seen[m.To]++
	}
	for to, n := range seen {
		if n != 1 {
			t.Errorf("%s got %d", to, n)
		}
	}
	if len(seen) != mails {
		t.Errorf("%d addresses got mail, want %d", len(seen), mails)
	}
}
