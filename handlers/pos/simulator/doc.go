// Package simulator makes the goods and the traffic of a POS that does not exist: a
// shop with some hundred products ([Export]), what its online shop held before it was
// linked ([Twins]), when its customers come and how much they buy ([Arrival],
// [Basket]), and endless traffic of any size for measurements ([NewTraffic]). What
// happens in the shop is the business of handlers/pos/xseries/simulator.
//
// # The shop
//
// Kite & Keel sells clothing, rope and camping goods at two outlets, Quayside and
// Mill Lane. All names in it are invented. It is a store whose stock is moved by
// readings ("levels"): whatever moves stock says how much is there afterwards.
//
// # Promises
//
// The same options give the same bytes, on any machine: nothing here reads a clock, a
// file or a random source but the seeded one. It imports domain and the standard
// library.
package simulator
