// Command bench measures sign-ins: how many a second, how long one takes, and
// the CPU time that each costs the server, beside a floor that was measured in
// the same run.
//
// All servers are children of this process, so that the generator's CPU time
// is not theirs, and all take the same requests over HTTP with keep-alive:
// GET options, POST verify. What is measured is package web over package mapae
// and package sqlite, with access log, events and limits on. The floor is a
// bare loop of the same work: a sealed challenge, one ES256 verification, and
// the same SQL through package sqlite. Below it lies the bare loop with the
// least SQL: one durable transaction with the same settings and group commit,
// which spends the challenge, updates the credential and adds the session, with
// no event and no index by owner. Neither has a log, limits, or rules against
// forged requests.
//
// Rounds alternate between them, so that a machine that grows slower does so
// for all. CPU time per sign-in is the figure to look at: wall time drifts
// on shared machines, and the generator runs on the same cores.
package main
