package memory

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mapae/mapae"
)

// Mails implements mapae.Reader.
func (t *tx) Mails(_ context.Context, after mapae.MailID, limit int) ([]mapae.Mail, error) {
	var list []mapae.Mail
	for id, m := range t.outbox {
		if id > after {
			m.Data = own(m.Data)
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b mapae.Mail) int { return cmp.Compare(a.ID, b.ID) })
	return list[:min(limit, len(list))], nil
}

// AddMail implements mapae.Tx.
func (t *tx) AddMail(_ context.Context, m mapae.Mail) error {
	if _, ok := t.outbox[m.ID]; ok {
		return t.fail(fmt.Errorf("memory: mail %x is there already", m.ID))
	}
	m.Data, m.CreatedAt, m.DueAt = own(m.Data), micro(m.CreatedAt), micro(m.DueAt)
	set(t, t.outbox, m.ID, m)
	return nil
}

// ClaimMail implements mapae.Tx.
func (t *tx) ClaimMail(_ context.Context, now, until time.Time, limit int) ([]mapae.Mail, error) {
	var due []mapae.Mail
	for _, m := range t.outbox {
		if !m.DueAt.After(micro(now)) {
			due = append(due, m)
		}
	}
	slices.SortFunc(due, func(a, b mapae.Mail) int { return cmp.Or(a.DueAt.Compare(b.DueAt), cmp.Compare(a.ID, b.ID)) })
	due = due[:min(len(due), limit)]
	slices.SortFunc(due, func(a, b mapae.Mail) int { return cmp.Compare(a.ID, b.ID) })
	for n, m := range due {
		m.DueAt, m.Attempts = micro(until), m.Attempts+1
		set(t, t.outbox, m.ID, m)
		m.Data = own(m.Data)
		due[n] = m
	}
	return due, nil
}

// RemoveMail implements mapae.Tx.
func (t *tx) RemoveMail(_ context.Context, id mapae.MailID) error {
	if _, ok := t.outbox[id]; !ok {
		return mapae.ErrNotFound
	}
	remove(t, t.outbox, id)
	return nil
}

// DelayMail implements mapae.Tx.
func (t *tx) DelayMail(_ context.Context, id mapae.MailID, due time.Time, lastError string) error {
	m, ok := t.outbox[id]
	if !ok {
		return mapae.ErrNotFound
	}
	m.DueAt, m.LastError = micro(due), lastError
	set(t, t.outbox, id, m)
	return nil
}

// ReplaceMail implements mapae.Tx.
func (t *tx) ReplaceMail(_ context.Context, id mapae.MailID, data, old []byte) (bool, error) {
	m, ok := t.outbox[id]
	if !ok || !bytes.Equal(m.Data, old) {
		return false, nil
	}
	m.Data = own(data)
	set(t, t.outbox, id, m)
	return true, nil
}
