// Package csv reads product files of Lightspeed Retail X-Series, which the POS
// writes and takes in the same layout, and makes events of their rows.
//
// # What a row becomes
//
// One pos.product.imported.v1, and one pos.stock.level_reported.v1 for each
// inventory column in which the row has a value. Composite components are rows of
// the same file that are no products; they are passed over with a note.
//
// A missing column leaves what it names unchanged; a blank cell empties it: no
// description, no brand, no options, price 0, active, tracked. A blank inventory
// cell says nothing, since there is no empty stock.
//
// # Who is who
//
// The item is the id column, or the SKU's own text where that is blank or
// missing: a file with ids and one without therefore speak of different items.
// The product is the handle, which all variants of one repeat; with a blank
// handle the item is a product of its own, and without a handle column, or under
// [Options.KeepFamilies], items stay in the products they are in.
//
// # Promises
//
//   - Memory is that of one row, which is bounded, and of the ids and SKUs seen so
//     far, of which there are at most [MaxRows].
//   - A byte order mark says how a file is encoded, else the caller does, else it is
//     UTF-8. No encoding is guessed: a guess that is wrong would be in the shop.
//   - A row that is wrong is reported with its row and column, gives no events,
//     and does not stop the file. A header that cannot be used is refused at once.
//   - The same file under the same import id gives the same event ids, so that an
//     import that was cut short can be run again; under another import id it is
//     another import.
//
// It does not check a row against what the POS holds, and it does not take the
// files of other Lightspeed products. It imports domain, golang.org/x/text and
// the standard library.
package csv
