package mapae_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mapae/mapae"
)

// linkFlows are what acts on the code of a link.
var linkFlows = map[string]struct {
	life time.Duration
	code func(m member) (member, string)
	look func(m member, code string) error
	act  func(m member, c mapae.Client, code string) error
}{
	"not me": {7 * 24 * time.Hour, func(m member) (member, string) { _, _, code := m.added("Evil"); return m, code },
		func(m member, code string) error { _, err := m.Notice(m.ctx, code); return err },
		func(m member, c mapae.Client, code string) error {
			_, err := m.DisownNotice(m.ctx, c, code)
			return err
		}},
	"undo a change of address": {72 * time.Hour, func(m member) (member, string) {
		m.in = m.actionTicket(browser(1), m.in, m.a, mapae.ActionChangeEmail)
		return m.moved(fresh)
	}, func(m member, code string) error { _, err := m.EmailUndo(m.ctx, code); return err },
		func(m member, c mapae.Client, code string) error { _, err := m.UndoEmail(m.ctx, c, code); return err }},
	"cancel a recovery": {10 * 24 * time.Hour, func(m member) (member, string) {
		_, mail := m.waits(browser(4))
		return m, codeIn(mail.UndoLink)
	}, func(m member, code string) error { _, err := m.WaitingRecovery(m.ctx, code); return err },
		func(m member, c mapae.Client, code string) error { return m.DisownRecovery(m.ctx, c, code) }},
	"sign in by the operator's link": {time.Hour, func(m member) (member, string) {
		return m, codeIn(must(m.IssueSignIn(m.ctx, kim, time.Hour, false))(m.t).URL)
	}, func(m member, code string) error { return m.SignInLink(m.ctx, code) },
		func(m member, c mapae.Client, code string) error {
			_, err := m.SignInByLink(m.ctx, c, code)
			return err
		}},
	"recover by the operator's link": {time.Hour, func(m member) (member, string) {
		return m, codeIn(must(m.IssueRecovery(m.ctx, kim, time.Hour))(m.t).URL)
	}, nil,
		func(m member, c mapae.Client, code string) error {
			_, err := m.BeginIssuedRecovery(m.ctx, c, code)
			return err
		}},
}

func TestALinkWorksOnceInTimeAndForItsOwnPurpose(t *testing.T) {
	t.Parallel()
	for name, f := range linkFlows {
		if f.look == nil {
			f.look = func(member, string) error { return nil }
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, code := f.code(newMember(t))
			for other, g := range linkFlows {
				if other != name {
					wantCode(t, g.act(m, browser(5), code), mapae.CodeCeremonyInvalid)
				}
			}
			before := m.state()
			for what, bad := range map[string]string{"nothing": "", "cut": code[:len(code)-1], "longer": code + "A", "another prefix": "mt_" + code[3:],
				"half": code[:len(code)/2], "with a break": code + "\n", "garbage": "ml_AAAA", "huge": "ml_" + strings.Repeat("A", 1<<16)} {
				if err := f.act(m, browser(5), bad); !errors.Is(err, mapae.ErrCeremonyInvalid) {
					t.Errorf("%s: %v", what, err)
				}
				if err := f.look(m, bad); f.look(m, "") != nil && !errors.Is(err, mapae.ErrCeremonyInvalid) {
					t.Errorf("%s: looking: %v", what, err)
				}
			}
			for range 3 {
				if err := f.look(m, code); err != nil {
					t.Fatal(err)
				}
			}
			if after := m.state(); !slices.Equal(after, before) {
				t.Fatalf("looking, or a bad code, changed something:\n%s\n%s", before, after)
			}
			_, err := m.ProveRecovery(m.ctx, browser(5), code, mapae.MethodRecoveryCode, m.codes[0])
			wantCode(t, err, mapae.CodeCeremonyInvalid) // a link is no ticket
			if err := f.act(m, app, code); err != nil { // wherever the mail is read
				t.Fatal(err)
			}
			wantCode(t, f.act(m, browser(5), code), mapae.CodeCeremonyInvalid)
		})
		t.Run(name+" late", func(t *testing.T) {
			t.Parallel()
			m, code := f.code(newMember(t))
			m.pass(f.life)
			wantCode(t, f.act(m, browser(5), code), mapae.CodeCeremonyInvalid)
			if f.look(m, "") != nil {
				wantCode(t, f.look(m, code), mapae.CodeCeremonyInvalid)
			}
		})
		t.Run(name+" sixteen at once", func(t *testing.T) {
			t.Parallel()
			m, code := f.code(newMember(t))
			errs, all := make([]error, 16), sync.WaitGroup{}
			for i := range errs {
				all.Go(func() { errs[i] = f.act(m, browser(byte(i)), code) })
			}
			all.Wait()
			won := 0
			for _, err := range errs {
				if err == nil {
					won++
				} else {
					wantCode(t, err, mapae.CodeCeremonyInvalid)
				}
			}
			if won != 1 {
				t.Errorf("%d won", won)
			}
		})
		t.Run(name+" of somebody disabled", func(t *testing.T) {
			t.Parallel()
			m, code := f.code(newMember(t))
			if err := m.DisableUser(m.ctx, m.in.User.ID); err != nil {
				t.Fatal(err)
			}
			wantCode(t, f.act(m, browser(5), code), mapae.CodeCeremonyInvalid)
		})
	}
}

// state is what a link could change, as text.
func (m member) state() (all []string) {
	m.t.Helper()
	u := must(m.store.User(m.ctx, m.in.User.ID))(m.t)
	waiting, err := m.store.RecoveryOf(m.ctx, u.ID)
	all = append(all, fmt.Sprintf("%+v %+v %v", u, waiting, err))
	for _, c := range must(m.store.Credentials(m.ctx, u.ID))(m.t) {
		all = append(all, fmt.Sprintf("%+v", c))
	}
	for _, s := range must(m.store.Sessions(m.ctx, u.ID, m.now()))(m.t) {
		all = append(all, fmt.Sprintf("%+v", s))
	}
	return append(all, fmt.Sprint(len(m.events())))
}
