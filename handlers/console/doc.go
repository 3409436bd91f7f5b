// Package console is the way for people and scripts to look at the state of
// tillstream and to tell it what to do: products, histories, links, pushes, dead
// letters and status, over HTTP. The command line is one of its callers.
//
// It promises that every read is of what was folded when it was asked, that every
// command is checked before it changes anything and can be tried with
// ?dry_run=true, and that nothing below /v1 answers to a caller without the token.
//
// It decides nothing about products or pushes: projections, project and publish do.
package console
