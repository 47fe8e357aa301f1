// Package procs owns what Linux tells of the processes of this machine: the
// CPU time and memory that they use, and who listens at a port. It never changes
// anything, and where there is no /proc it says so by an error.
package procs
