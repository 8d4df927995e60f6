// Package audit compares the tables of the units with the facts that were stated.
//
// The journal is the truth: a state row must follow from facts, in its own unit's journal or in those of the units it reads. A
// unit lists, for each of its tables, which columns follow from which facts (Table). One interpreter folds all journals by these
// lists and compares every row. Columns that follow from no fact (leases, counters, sealed copies) are not listed and not
// compared.
//
// It also compares what was consumed with what was published, and the history of each accepted document with the possible orders.
// A directly changed row is found by this, not prevented.
package audit

import (
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/frame"
)

// Violation codes. docs/verification.md says what each means and what to do.
const (
	RowDiffers       = "row_differs"        // a column says something else than the facts
	RowMissing       = "row_missing"        // facts call for a row that is not there
	RowUnfounded     = "row_unfounded"      // a row is there for which no fact was stated
	ConsumedUnknown  = "consumed_unknown"   // a unit consumed a frame that its producer's journal does not have
	FrameNotConsumed = "frame_not_consumed" // a published frame was consumed by a reader too late or never
	DocumentTwice    = "document_twice"     // a document was accepted or ended more than once
	TimesDisordered  = "times_disordered"   // accepted, sent, received and read do not follow each other
	FactTwice        = "fact_twice"         // two facts have one identity: subject, kind and ordinal
	FactUnfounded    = "fact_unfounded"     // a step was stated of a document that nobody accepted
	HubDiffers       = "hub_differs"        // the hub holds something else than circulation believes
)

// Take says which of several facts decides a column.
type Take int

// The takes.
const (
	// First is the fact with the lowest ordinal, Newest the one with the highest.
	First Take = iota
	Newest
	// Least and Greatest compare values.
	Least
	Greatest
	// Count counts the facts.
	Count
)

// Source is a field of a kind of fact, by its path in the proto, e.g. "facts.received_at". An empty path means the time when the
// fact occurred.
type Source struct {
	Kind frame.Kind
	Path string
}

// Of is a field of the facts that carry a message.
func Of(message proto.Message, path string) Source { return Source{frame.KindOf(message), path} }

// Kinds of the facts that carry these messages.
func Kinds(messages ...proto.Message) []frame.Kind {
	kinds := make([]frame.Kind, len(messages))
	for i, message := range messages {
		kinds[i] = frame.KindOf(message)
	}
	return kinds
}

// Column is a column and its sources. If facts of several kinds contain it, the take decides among all of them.
type Column struct {
	Name string
	Take Take
	From []Source
}

// Table lists which columns of a table follow from facts.
type Table struct {
	Name string
	// Key is the column that holds the subject of the facts.
	Key string
	// Where restricts the rows that are compared; empty for all.
	Where string
	// Founded are the kinds that each require a row; a row without any such fact is unfounded. It is empty if rows have other
	// causes, too.
	Founded []frame.Kind
	Columns []Column
	// Frame is the column that names the frame of the last change, for a table that follows from other units' facts; empty for
	// none.
	Frame string
}
