// Package api reads an account of Lightspeed Retail X-Series over HTTP: lists of
// records page by page, in the order of their versions, within the account's rate
// limit. It hands out bodies as they came; package xseries reads them.
//
// # Promises
//
//   - No more requests than the account allows: they are spaced by the limit that
//     the answers name, and after a 429 none is sent before the time it names.
//   - Under OAuth a new refresh token is kept by [Keep] before the access
//     token that came with it is used. If the program ends between the vendor's
//     answer and that, the old token may be void, and the account has to be
//     authorised again; nothing can be done about that from this side.
//   - Neither tokens nor the client's secret are in any error.
//   - A request is repeated by nobody but the caller, except after a 429 and, once,
//     after a 401 with a fresh token.
//
// # Versions of the API
//
// [Version] says how lists are asked for. 2026-10, which replaces the product model,
// is one more of them when it is needed: what differs in asking goes into version.go,
// what differs in the records into package xseries.
//
// It imports the standard library, golang.org/x/oauth2 and golang.org/x/time/rate,
// and nothing of ours.
package api
