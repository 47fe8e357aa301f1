package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/mapae/mapae"
)

// spentKey is what makes a one-time thing unique.
type spentKey struct {
	until time.Time
	kind  mapae.SpendKind
	id    string
}

// Spend implements mapae.Tx.
func (t *tx) Spend(_ context.Context, s mapae.Spend) (bool, error) {
	k := spentKey{micro(s.Until), s.Kind, string(s.ID)}
	if _, used := t.spent[k]; used || !k.until.After(t.swept[s.Kind]) {
		return false, nil
	}
	set(t, t.spent, k, struct{}{})
	return true, nil
}

// sweepSpent removes spent things that have ended, oldest end first, and moves
// the mark of each kind to the newest end removed.
func (t *tx) sweepSpent(plan mapae.SweepPlan) int {
	limit := micro(plan.SpentBefore)
	var over []spentKey
	for k := range t.spent {
		if k.until.Before(limit) {
			over = append(over, k)
		}
	}
	slices.SortFunc(over, func(a, b spentKey) int {
		return cmp.Or(a.until.Compare(b.until), cmp.Compare(a.kind, b.kind), cmp.Compare(a.id, b.id))
	})
	over = over[:min(len(over), plan.Limit)]
	for _, k := range over {
		remove(t, t.spent, k)
		if k.until.After(t.swept[k.kind]) {
			set(t, t.swept, k.kind, k.until)
		}
	}
	return len(over)
}
