package mapae

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How mail is delivered. A claim outlasts sending the whole batch.
const (
	mailBatch     = 8
	sendTimeout   = 30 * time.Second
	mailClaim     = mailBatch*sendTimeout + time.Minute
	firstMailWait = 30 * time.Second
	maxMailWait   = time.Hour
	mailLife      = 24 * time.Hour
)

// mailWait is how long a mail waits after that many failed attempts: 30 s after
// the first, doubling, one hour at most.
func mailWait(attempts int) time.Duration {
	const longEnough = 8
	return min(firstMailWait<<min(max(attempts-1, 0), longEnough), maxMailWait)
}

// Deliver hands the mails that are due to Config.Mailer, one after the other,
// and returns how many it took; it ends when none is due. Run it every few
// seconds, on any number of nodes: no two take the same mail.
//
// A mail that is refused is tried again after 30 seconds, then after twice as
// long each time, an hour at most. It is given up with an EventMailFailed after
// 24 hours, when the Mailer says ErrUndeliverable, when its code or link has
// ended, or when it can't be opened. A mail is sent at least once: twice only
// where this process or the store failed between its acceptance and its
// removal.
//
// When ctx ends, the mail under way is finished, which takes 30 seconds at
// most; what is left of the batch is given back and can be taken at once.
// Errors: CodeUnavailable where the store fails.
func (a *Auth) Deliver(ctx context.Context) (sent int, err error) {
	if a.cfg.Mailer == nil {
		return 0, nil
	}
	for ctx.Err() == nil {
		batch, err := a.claimMail(ctx)
		if err != nil {
			return sent, broken("claim mail", err)
		}
		if len(batch) == 0 {
			return sent, nil
		}
		for i, m := range batch {
			if ctx.Err() != nil {
				return sent, a.giveBack(ctx, batch[i:])
			}
			ok, err := a.deliver(ctx, m)
			if ok {
				sent++
			}
			if err != nil {
				return sent, err
			}
		}
	}
	return sent, nil
}

func (a *Auth) claimMail(ctx context.Context) (batch []Mail, err error) {
	now := a.now()
	err = a.store.Update(ctx, func(tx Tx) error {
		batch, err = tx.ClaimMail(ctx, now, now.Add(mailClaim), mailBatch)
		return err
	})
	return batch, err
}

// giveBack makes claimed mails due again: they were not tried.
func (a *Auth) giveBack(ctx context.Context, batch []Mail) error {
	ctx, now := context.WithoutCancel(ctx), a.now()
	err := a.store.Update(ctx, func(tx Tx) error {
		for _, m := range batch {
			if err := tx.DelayMail(ctx, m.ID, now, m.LastError); err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return broken("give mail back", err)
	}
	return nil
}

// deliver sends one claimed mail and keeps what came of it, even when ctx ends
// meanwhile: a mail that was accepted must not stay in the outbox.
func (a *Auth) deliver(ctx context.Context, m Mail) (sent bool, err error) {
	ctx = context.WithoutCancel(ctx)
	if m.Kind == MailNobody {
		return false, a.finishMail(ctx, m, Event{})
	}
	msg, ok := a.message(m)
	switch {
	case !ok:
		return false, a.giveUp(ctx, m, "unreadable")
	case m.Kind.expires() && !msg.EndsAt.IsZero() && !msg.EndsAt.After(a.now()):
		return false, a.giveUp(ctx, m, "expired")
	}
	switch err := a.send(ctx, msg); {
	case err == nil:
		return true, a.finishMail(ctx, m, a.mailEvent(EventMailSent, m, ""))
	case errors.Is(err, ErrUndeliverable):
		return false, a.giveUp(ctx, m, "refused")
	case a.now().Sub(m.CreatedAt) >= mailLife:
		return false, a.giveUp(ctx, m, "timeout")
	default:
		return false, a.delayMail(ctx, m, err)
	}
}

// send gives m to the Mailer, within sendTimeout. What panics there is a
// failure of that mail and of no other.
func (a *Auth) send(ctx context.Context, m Message) (err error) {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the mailer panicked: %v", p)
		}
	}()
	return a.cfg.Mailer.Send(ctx, m)
}

// delayMail lets m wait for its next attempt.
func (a *Auth) delayMail(ctx context.Context, m Mail, cause error) error {
	due := a.now().Add(mailWait(m.Attempts))
	err := a.store.Update(ctx, func(tx Tx) error { return tx.DelayMail(ctx, m.ID, due, clip(cause.Error())) })
	if err != nil && !errors.Is(err, ErrNotFound) { // it went with its user
		return broken("delay a mail", err)
	}
	return nil
}

// giveUp removes m with an EventMailFailed: why is "unreadable", "expired",
// "refused" or "timeout".
func (a *Auth) giveUp(ctx context.Context, m Mail, why string) error {
	return a.finishMail(ctx, m, a.mailEvent(EventMailFailed, m, why))
}

// finishMail removes m and tells of e; a failure is recorded too.
func (a *Auth) finishMail(ctx context.Context, m Mail, e Event) error {
	err := a.store.Update(ctx, func(tx Tx) error {
		if err := tx.RemoveMail(ctx, m.ID); err != nil {
			return err
		}
		if e.Type == EventMailFailed {
			return tx.AddEvent(ctx, e)
		}
		return nil
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return broken("remove a mail", err)
	}
	if e.Type != "" && (err == nil || e.Type == EventMailSent) {
		a.notify(ctx, e)
	}
	return nil
}

// mailEvent is an event about m. The reason begins with its kind.
func (a *Auth) mailEvent(t EventType, m Mail, why string) Event {
	e := a.event(Client{}, t, m.UserID)
	e.Method, e.Reason = "", string(m.Kind)
	if why != "" {
		e.Reason += ":" + why
	}
	return e
}
