package sqlstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"github.com/mapae/mapae"
)

const (
	eventColumns = `id, at, type, user_id, session_id, method, credential_id, reason, address, user_agent, request_id, app`

	selectEvents       = `SELECT ` + eventColumns + ` FROM mapae_events WHERE id < $1 ORDER BY id DESC LIMIT $2`
	selectEventsOfUser = `SELECT ` + eventColumns + ` FROM mapae_events
	WHERE user_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3`

	insertEvent = `INSERT INTO mapae_events (` + eventColumns + `)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
)

// eventRow is a row of eventColumns.
type eventRow struct {
	event                      mapae.Event
	id, user, session          []byte
	at, app                    int64
	kind, method               string
	reason, address, agent, by string
}

func (r *eventRow) dest() []any {
	return []any{
		&r.id, &r.at, &r.kind, &r.user, &r.session, &r.method, &r.event.Credential, &r.reason, &r.address, &r.agent,
		&r.by, &r.app,
	}
}

func (r *eventRow) value() mapae.Event {
	return mapae.Event{
		ID: mapae.EventID(r.id), At: moment(r.at), Type: mapae.EventType(r.kind), UserID: mapae.UserID(r.user),
		SessionID: mapae.SessionID(r.session), Method: mapae.MethodName(r.method), Credential: bytesOf(r.event.Credential),
		Reason: r.reason, Address: r.address, UserAgent: r.agent, RequestID: r.by, App: r.app != 0,
	}
}

// Events implements mapae.Reader.
func (r Reader) Events(ctx context.Context, user mapae.UserID, before mapae.EventID, limit int) (list []mapae.Event, err error) {
	end := blob(before)
	if before == "" {
		end = bytes.Repeat([]byte{0xff}, 17) // after every ID
	}
	sql, a := selectEvents, args(end, int64(limit))
	if user != "" {
		sql, a = selectEventsOfUser, args(blob(user), end, int64(limit))
	}
	var row eventRow
	err = r.q.Rows(ctx, sql, a, row.dest(), func() error {
		list = append(list, row.value())
		return nil
	})
	return list, err
}

// AddEvent implements mapae.Tx.
func (t Tx) AddEvent(ctx context.Context, e mapae.Event) error {
	_, err := t.q.Exec(ctx, insertEvent, blob(e.ID), micros(e.At), string(e.Type), blob(e.UserID), blob(e.SessionID),
		string(e.Method), blob(e.Credential), e.Reason, e.Address, e.UserAgent, e.RequestID, flag(e.App))
	return err
}

// firstEventID is before the IDs of all events of that time and later: they
// begin with their time.
func firstEventID(at time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(micros(at)))
}
