package mapae

// Level is how bad a Finding is.
type Level string

const (
	LevelOK      Level = "ok"
	LevelWarning Level = "warning" // works, and may not when it matters
	LevelProblem Level = "problem" // something is lost or will be
)

// Finding is what an examination found, good or bad.
type Finding struct {
	Check string `json:"check"` // what was looked at, one or two words: "integrity"
	Level Level  `json:"level"`
	Text  string `json:"text"`           // a sentence for an operator
	Cure  string `json:"cure,omitempty"` // what to do; empty where nothing is to be done
}
