// Package sqlite keeps the rows of package search in one file, an SQLite database with
// full-text search, and beside them copies of the logs' messages ([Sheet]), whatever their
// form.
//
// The driver is modernc.org/sqlite: SQLite itself, translated to Go, so that the program
// stays one static binary that is built without a C compiler and for any platform. It
// follows SQLite's releases within weeks, has FTS5 compiled in, and speaks database/sql,
// so that another driver could take its place here. Of the alternatives, mattn's needs
// cgo, and the one that runs SQLite as WebAssembly has to bring its runtime along.
//
// # Promises
//
//   - Rows, and up to where they hold everything ([Standing]), are written in one
//     transaction: whatever ends the process, the file says exactly what it holds.
//   - A file of another version, a damaged one, and one that is no database at all are
//     no error: [Open] makes a new one in its place, and says why. There is nothing in
//     it that the logs do not bring back.
//   - One process at a time has the file open. Readers see one state of it, however
//     long they read, and never wait for the writer.
//   - Nothing that a person has typed becomes a part of a statement.
package sqlite
