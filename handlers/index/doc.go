// Package index keeps the search index: it follows both logs, the log of dead letters
// and the folded states, and writes what they come to into the file of
// projections/search/sqlite.
//
// It is level-triggered. A message says only which products are to be looked at; what
// is written of them is what the catalog and the publications say at that moment, which
// is at the message or behind it. So the rows hold everything up to where the index
// stands, and may hold more of it; at rest they hold exactly what the states hold.
//
// It also keeps copies of the messages themselves, in sheets: see [Log], which answers from
// them. A copy is of a message that cannot change, and a sheet that is not what was written
// is not believed; `tillstream verify` compares them with the logs.
//
// Nothing waits for it, and while the folding has much to do it leaves the processors
// alone, as long as it is not far behind: it reads the logs by itself, and writes in its own
// transactions. What it cannot do (a full disk, a file that
// another process has) is a problem that the status names, never an error of the
// pipeline; then, and while it is behind, questions are answered from the snapshots and
// the logs. A file that does not fit the log, because it is another's or because a
// power cut has taken the end of either, is made anew, and so is a damaged one.
//
// It does not promise that an item's move is seen by the product that it leaves when the
// item has left more than [domain.MostKin] products before, which are no longer
// remembered. `tillstream rebuild --index` finds that.
package index
