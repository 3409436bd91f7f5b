// Package search says what the search index holds of a product and of a message of a
// log, which products a question is about, and what counts of messages come to. It is
// the pure half of the second projection: [RowOf] and [KindOf] make rows, and
// [Filter] and [Ask] choose among them, the same whether the rows come from
// the SQL index (package sqlite) or are made of the snapshots and the logs when the
// question is asked ([Scan]). So an answer does not depend on where it came from.
//
// # What it is not
//
// The index is never the source of truth. It chooses products and positions; what is
// shown of them is read from the catalog and from the logs, and what was chosen is
// held against the filter once more. Nothing that decides a push asks it.
//
// # Text
//
// A text is compared by its words: runs of letters and digits, without case and
// without marks, so that "Kräuter" is found by "krauter". A word of a language that
// writes without spaces is each of its characters. No character of a question has a
// meaning of its own: what is no letter or digit only parts words.
package search
