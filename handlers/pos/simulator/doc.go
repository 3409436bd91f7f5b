// Package simulator makes the traffic of a POS that does not exist: a shop with
// some hundred products ([Export]), what its online shop held before it was linked
// ([Twins]), a trading day in it ([NewDay]), and endless traffic of any size for
// measurements ([NewTraffic]).
//
// # The shop
//
// Kite & Keel sells clothing, rope and camping goods at two outlets, Quayside and
// Mill Lane. All names in it are invented. It is a store whose stock is moved by
// readings ("levels"): whatever moves stock says how much is there afterwards.
//
// # Promises
//
//   - The same options give the same bytes, on any machine: nothing here reads a
//     clock, a file or a random source but the seeded one.
//   - A day keeps books, and no event contradicts them: a quantity is the
//     difference of two readings, nothing is sold that is not there, nothing comes
//     back that was not sold.
//   - A day's item and product ids are those of the export, as handlers/pos/csv
//     reads it, and it is newer than the export as long as it is played after the
//     import.
//   - Every caption is true of its events.
//
// It does not wait: [Step.At] says when a step happens, and whoever plays the day
// decides how fast. It imports domain and the standard library.
package simulator
