package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"

	"github.com/mapae/mapae"
)

// Events implements mapae.Reader.
func (t *tx) Events(_ context.Context, user mapae.UserID, before mapae.EventID, limit int) ([]mapae.Event, error) {
	end := len(t.events)
	if before != "" {
		end = sort.Search(end, func(i int) bool { return t.events[i].ID >= before })
	}
	var list []mapae.Event
	for i := end - 1; i >= 0 && len(list) < limit; i-- {
		if e := t.events[i]; user == "" || e.UserID == user {
			list = append(list, ownEvent(e))
		}
	}
	return list, nil
}

// AddEvent implements mapae.Tx.
func (t *tx) AddEvent(_ context.Context, e mapae.Event) error {
	at, found := slices.BinarySearchFunc(t.events, e, func(a, b mapae.Event) int { return cmp.Compare(a.ID, b.ID) })
	if found {
		return t.fail(fmt.Errorf("memory: event %x is there already", e.ID))
	}
	t.events = slices.Insert(t.events, at, ownEvent(e))
	t.undo = append(t.undo, func() { t.events = slices.Delete(t.events, at, at+1) })
	return nil
}

// sweepEvents removes events older than the plan says, oldest first.
func (t *tx) sweepEvents(plan mapae.SweepPlan) int {
	limit := micro(plan.EventsBefore)
	if limit.IsZero() {
		return 0
	}
	n := 0
	for n < min(len(t.events), plan.Limit) && t.events[n].At.Before(limit) {
		n++
	}
	t.events = slices.Delete(t.events, 0, n)
	return n
}

// ownEvent returns e sharing no bytes with it, its time cut.
func ownEvent(e mapae.Event) mapae.Event {
	e.At, e.Credential = micro(e.At), own(e.Credential)
	return e
}
