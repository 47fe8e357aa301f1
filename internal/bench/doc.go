// Command bench measures sign-ins: how many a second, how long one takes, and
// the CPU time that each costs the server, beside a floor that was measured in
// the same run.
//
// Both servers are children of this process, so that the generator's CPU time
// is not theirs, and both take the same requests over HTTP with keep-alive:
// GET options, POST verify. What is measured is package web over package mapae
// and package sqlite, with access log, events and limits on. The floor is a
// bare loop of the same work: a sealed challenge, one ES256 verification, and
// one durable transaction in SQLite with the same settings and group commit,
// which spends the challenge, updates the credential and adds the session. It
// has no log, events, limits, owner indexes, or rules against forged requests.
//
// Rounds alternate between the two, so that a machine that grows slower does
// so for both. CPU time per sign-in is the figure to look at: wall time drifts
// on shared machines, and the generator runs on the same cores.
package main
