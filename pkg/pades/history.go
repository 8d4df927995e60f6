package pades

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Revision is what one update that follows the first signed revision did.
type Revision struct {
	// End is where it ends, in bytes from the beginning of the file.
	End int `json:"end"`
	// Signature: it adds one of somebody who signed everything up to its end. Shown: that signature has an appearance on a page,
	// which may lie over what the page showed before.
	Signature bool `json:"signature,omitempty"`
	Shown     bool `json:"shown,omitempty"`
	// TimeStamp: it adds a document time stamp over everything up to its end.
	TimeStamp bool `json:"timeStamp,omitempty"`
	// ValidationData: it adds certificates, revocation lists or OCSP answers for later readers.
	ValidationData bool `json:"validationData,omitempty"`
	// Changes are what else it did, in words, each with the numbers of the objects. None is wanted.
	Changes []string `json:"changes,omitempty"`
}

// addition is a signature or document time stamp that a later revision holds.
type addition struct {
	seal
	value  []byte // DER; nil if it could not be read
	values dict   // its dictionary
	stamp  bool
}

// judged is a revision that was examined.
type judged struct {
	Revision
	added *addition
}

func (j *judged) change(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(j.Changes, text) {
		j.Changes = append(j.Changes, text)
	}
}

// history is a file while its revisions are examined one after the other. Nothing that a reader shows may change: beside new
// objects that hold signatures, what these look like, time stamps and validation data, only the catalog, the form, the lists of
// fields and annotations, and signature fields without a value may be written anew, and differ only by naming those.
type history struct {
	current map[int]any // the objects of all revisions so far
	base    int         // the first number that the first signed revision left free
	root    reference
	info    any
	// table is where the cross-references of the newest revision so far begin, streamed whether they are a stream, and size the
	// Size that it announces.
	table    int
	streamed bool
	size     int
}

// container is a stream of objects or of cross-references: no later revision may write it anew.
type container struct{}

// history begins one with the first signed revision.
func (d *Document) history() (*history, error) {
	end := d.file.first.end
	if d.PDF.Size == nil || d.PDF.Root == nil {
		return nil, errors.New("signed revision has no size or no root")
	}
	table, streamed, err := tail(d.file.pdf[:end])
	if err != nil {
		return nil, err
	}
	h := &history{
		current: map[int]any{}, base: *d.PDF.Size, root: reference(d.PDF.Root.ObjectNumber), table: table, streamed: streamed, size: *d.PDF.Size,
	}
	if d.PDF.Info != nil {
		h.info = objectOf(*d.PDF.Info)
	}
	for number, entry := range d.PDF.Table {
		if entry.Free || entry.Object == nil {
			continue
		}
		h.current[number] = objectOf(entry.Object)
		// What the signed revision already refers to, nobody may supply later.
		if slices.ContainsFunc(references(h.current[number]), func(to reference) bool { return int(to) >= h.base }) || number >= h.base {
			return nil, errors.New("signed revision refers to objects that it does not hold")
		}
	}
	return h, nil
}

// tail reads where the cross-references of a file's newest revision begin, and whether they are a stream.
func tail(pdf []byte) (table int, streamed bool, err error) {
	found := tailPattern.FindSubmatch(pdf[max(0, len(pdf)-128):])
	if found == nil {
		return 0, false, errors.New("a revision does not end as a file does")
	}
	table, _ = strconv.Atoi(string(found[1])) // ten digits at most
	s := &scanner{in: pdf, at: min(table, len(pdf))}
	s.skip() // many writers point to the end of the line before, and all readers take that
	switch {
	case s.take("xref"):
		return table, false, nil
	case s.match(objectPattern) != nil:
		return table, true, nil
	}
	return 0, false, errors.New("end of a revision does not lead to its cross-references")
}

// take examines the next revision, and makes it a part of the history.
func (h *history) take(r revision) judged {
	j := judged{Revision: Revision{End: r.end}}
	h.judgeReferences(&j, r)
	fields := h.judgeFields(&j, r)
	drawn := h.drawn(r, fields)
	for _, number := range slices.Sorted(maps.Keys(r.objects)) {
		object := r.objects[number]
		before, known := h.current[number]
		d, isDict := object.(dict)
		switch {
		case fields[reference(number)]:
		case known && !h.permitted(number, before, object, fields):
			j.change("an object was changed that signatures, validation data and time stamps leave as it is: %s %d", kindOf(before), number)
		case known:
		case number < h.base:
			j.change("an object under a number that the signed revision left out: %d", number)
		case isDict && d["ByteRange"] != nil:
			if j.added == nil || !same(object, j.added.values) {
				j.change("a signature that no new field names: object %d", number)
			}
		case drawn[reference(number)]:
		case validationData(object):
			j.ValidationData = true
		default:
			j.change("a new object is neither validation data nor part of a signature or time stamp: %s %d", kindOf(object), number)
		}
		if !known && !h.holds(r, object) {
			j.change("refers to objects that it does not hold: object %d", number)
		}
	}
	if len(fields) > 0 && !h.inForm(r, fields) {
		j.change("a new field is not in the form")
	}
	if !j.ValidationData && !j.Signature && !j.TimeStamp && len(j.Changes) == 0 {
		j.change("it adds nothing")
	}
	maps.Copy(h.current, r.objects)
	for number, listed := range r.containers {
		if listed {
			h.current[number] = container{}
		}
	}
	h.table, h.size = r.table, max(h.size, r.size())
	return j
}

// holds reports whether everything that an object refers to is there: what is missing, somebody could supply later.
func (h *history) holds(r revision, object any) bool {
	return !slices.ContainsFunc(references(object), func(to reference) bool {
		_, known := h.current[int(to)]
		_, fresh := r.objects[int(to)]
		return !known && !fresh
	})
}

// judgeReferences judges how a revision is tied to the one before. Its cross-references must be of the same kind: Prev of a
// stream leads to a stream (ISO 32000-1 table 17), and readers differ in what they see of a file where the kinds change.
func (h *history) judgeReferences(j *judged, r revision) {
	if r.streamed != h.streamed {
		j.change("its cross-references are not of the kind of those before")
	}
	for number := range r.containers {
		if _, known := h.current[number]; known || number < h.base {
			j.change("a stream of objects or cross-references under a number that is not new: %d", number)
		}
	}
	for key := range r.trailer {
		if !slices.Contains([]pdfName{"Size", "Root", "Prev", "Info", "ID"}, key) {
			j.change("trailer has an entry that is not accepted")
		}
	}
	// Readers pass over objects whose number is not below Size.
	if !same(r.trailer["Root"], h.root) || !same(r.trailer["Prev"], float64(h.table)) || r.size() < max(h.size, r.highest()+1) {
		j.change("trailer does not continue the revision before")
	}
	if r.trailer["Info"] != nil && !same(r.trailer["Info"], h.info) {
		j.change("trailer names other document information")
	}
}

func (r *revision) size() int {
	size, _ := whole(r.trailer["Size"])
	return size
}

// highest is the highest number of an object that the revision lists.
func (r *revision) highest() (number int) {
	for n := range r.objects {
		number = max(number, n)
	}
	for n, listed := range r.containers {
		if listed {
			number = max(number, n)
		}
	}
	return number
}

// kindOf names an object for people.
func kindOf(object any) string {
	if o, ok := object.(stream); ok {
		object = o.dict
	}
	d, _ := object.(dict)
	switch {
	case d["FT"] != nil:
		return "field"
	case same(d["Type"], pdfName("Page")):
		return "page"
	case same(d["Type"], pdfName("Catalog")):
		return "catalog"
	case same(d["Type"], pdfName("Annot")):
		return "annotation"
	case same(d["Type"], pdfName("Sig")), same(d["Type"], pdfName("DocTimeStamp")):
		return "signature"
	}
	return "object"
}
