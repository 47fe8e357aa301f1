package mapae

import (
	"slices"
	"time"
)

// Demand is what a route or an action asks of a session beyond being signed
// in. Demands joined together are met by one and the same use of a method: a
// fresh use of a weaker method next to an old use of a stronger one is not
// enough.
type Demand struct {
	phishingResistant bool
	within            time.Duration
	level             int          // of the session as a whole
	methods           []MethodName // one of them
}

// PhishingResistant demands a method bound to the origin: a passkey.
func PhishingResistant() Demand { return Demand{phishingResistant: true} }

// SecondFactor demands a session of assurance level 2.
func SecondFactor() Demand { return Demand{level: 2} }

// AnyOf demands one of the methods.
func AnyOf(methods ...MethodName) Demand { return Demand{methods: methods} }

// Within demands a use of a method no longer ago than d.
func Within(d time.Duration) Demand { return Demand{within: d} }

// Meets reports whether one use in s meets all demands at the time now.
func (s Session) Meets(now time.Time, demands ...Demand) bool {
	if len(demands) == 0 {
		return true
	}
	for _, d := range demands {
		if s.AAL() < d.level {
			return false
		}
	}
	return slices.ContainsFunc(s.Uses, func(u Use) bool { return u.meets(now, demands) })
}

func (u Use) meets(now time.Time, demands []Demand) bool {
	for _, d := range demands {
		if d.phishingResistant && !u.phishingResistant() {
			return false
		}
		if d.methods != nil && !slices.Contains(d.methods, u.Method) {
			return false
		}
		if d.within > 0 && u.At.Before(now.Add(-d.within)) {
			return false
		}
	}
	return true
}
