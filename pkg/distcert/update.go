package distcert

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/cms"
)

// Update is what one revision after the signed one added (ETSI EN 319 142-1: PAdES B-LT and B-LTA).
type Update struct {
	// ValidationData: certificates, revocation lists or OCSP answers. They are kept for later readers and not used here.
	ValidationData bool
	// TimeStamp is the time of a document time stamp over everything before it; zero for none.
	TimeStamp time.Time
}

// String is the update in words that are stable.
func (u Update) String() string {
	var words []string
	if u.ValidationData {
		words = append(words, "validation_data")
	}
	if !u.TimeStamp.IsZero() {
		words = append(words, "time_stamp "+u.TimeStamp.UTC().Format(time.RFC3339))
	}
	return strings.Join(words, " ")
}

// updates are the revisions after the signed one while they are judged. Nothing that a reader shows may change: beside new
// objects that hold validation data and time stamps, only the catalog, the form and the annotations of a page may be written
// anew, and differ only by naming those.
type updates struct {
	pdf     []byte
	current map[int]any // the objects of all revisions so far
	base    int         // the first number that the signed revision left free
	root    reference
	info    any
	// table is where the cross-references of the newest revision so far begin, streamed whether they are a stream, and size the
	// Size that it announces.
	table    int
	streamed bool
	size     int
	time     cms.VerifyOptions
}

// container is a stream of objects or of cross-references: no later revision may write it anew.
type container struct{}

// judgeUpdates examines every revision after the signed one.
func (r reader) judgeUpdates(pdf []byte, signed *signedFile, timeStamps cms.VerifyOptions) (list []Update, err error) {
	if len(signed.updates) == 0 {
		return nil, nil
	}
	if r.ctx.Size == nil || r.ctx.Root == nil {
		return nil, errors.New("signed revision has no size or no root")
	}
	tail := tailPattern.FindSubmatch(pdf[max(0, signed.end-128):signed.end])
	if tail == nil {
		return nil, errors.New("signed revision does not end as a file does")
	}
	u := &updates{pdf: pdf, current: map[int]any{}, base: *r.ctx.Size, root: reference(r.ctx.Root.ObjectNumber), time: timeStamps}
	if r.ctx.Info != nil {
		u.info = objectOf(*r.ctx.Info)
	}
	u.size = u.base
	u.table, _ = strconv.Atoi(string(tail[1])) // ten digits at most
	if u.streamed, err = streamedAt(pdf[:signed.end], u.table); err != nil {
		return nil, err
	}
	for number, entry := range r.ctx.Table {
		if entry.Free || entry.Object == nil {
			continue
		}
		u.current[number] = objectOf(entry.Object)
		// What the signed revision already refers to, nobody may supply later.
		if slices.ContainsFunc(references(u.current[number]), func(to reference) bool { return int(to) >= u.base }) || number >= u.base {
			return nil, errors.New("signed revision refers to objects that it does not hold")
		}
	}
	for i, one := range signed.updates {
		added, err := u.judge(one)
		if err != nil {
			return nil, fmt.Errorf("update %d: %w", i+1, err)
		}
		list = append(list, added)
	}
	return list, nil
}

// streamedAt reports whether the cross-references of a revision are a stream.
func streamedAt(revision []byte, table int) (bool, error) {
	s := &scanner{in: revision, at: min(table, len(revision))}
	switch {
	case s.take("xref"):
		return false, nil
	case s.match(objectPattern) != nil:
		return true, nil
	}
	return false, errors.New("end of the signed revision does not lead to its cross-references")
}

func (u *updates) judge(r revision) (Update, error) {
	var added Update
	if err := u.judgeReferences(r); err != nil {
		return added, err
	}
	stamps := map[reference]bool{} // fields of new time stamps
	values, ranged := map[reference]bool{}, 0
	for number, object := range r.objects {
		if _, known := u.current[number]; known {
			continue
		}
		d, ok := object.(dict)
		switch {
		case number < u.base:
			return added, errors.New("an object under a number that the signed revision left out")
		case ok && d["FT"] != nil:
			at, err := u.judgeField(d, r)
			if err != nil {
				return added, err
			}
			if !added.TimeStamp.IsZero() {
				return added, errors.New("more than one time stamp")
			}
			added.TimeStamp, stamps[reference(number)], values[d["V"].(reference)] = at, true, true
		case ok && d["ByteRange"] != nil: // judged with its field
			ranged++
		case validationData(object):
			added.ValidationData = true
		default:
			return added, errors.New("a new object is neither validation data nor a time stamp")
		}
	}
	for number, object := range r.objects {
		before, known := u.current[number]
		if known && !u.permitted(number, before, object, stamps) {
			return added, errors.New("an object was changed that validation data and time stamps leave as it is")
		}
	}
	if ranged != len(values) || len(stamps) > 0 && !u.inForm(r, stamps) {
		return added, errors.New("a time stamp is not in the form")
	}
	if !added.ValidationData && added.TimeStamp.IsZero() {
		return added, errors.New("it adds nothing")
	}
	for number, object := range r.objects {
		u.current[number] = object
	}
	for number, listed := range r.containers {
		if listed {
			u.current[number] = container{}
		}
	}
	u.table, u.size = r.table, r.size()
	return added, nil
}

// judgeReferences judges how a revision is tied to the one before. Its cross-references must be of the same kind: Prev of a
// stream leads to a stream (ISO 32000-1 table 17), and readers differ in what they see of a file where the kinds change.
func (u *updates) judgeReferences(r revision) error {
	if r.streamed != u.streamed {
		return errors.New("its cross-references are not of the kind of those before")
	}
	for number := range r.containers {
		if _, known := u.current[number]; known || number < u.base {
			return errors.New("a stream of objects or cross-references under a number that is not new")
		}
	}
	for key := range r.trailer {
		if !slices.Contains([]pdfName{"Size", "Root", "Prev", "Info", "ID"}, key) {
			return errors.New("trailer has an entry that is not accepted")
		}
	}
	// Readers pass over objects whose number is not below Size.
	if !same(r.trailer["Root"], u.root) || !same(r.trailer["Prev"], float64(u.table)) || r.size() < max(u.size, r.highest()+1) {
		return errors.New("trailer does not continue the revision before")
	}
	if r.trailer["Info"] != nil && !same(r.trailer["Info"], u.info) {
		return errors.New("trailer names other document information")
	}
	return nil
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

// validationData reports whether an object can only hold validation data: a stream that is of no type, dictionaries of the
// document security store (DSS), arrays of references to them.
func validationData(object any) bool {
	switch o := object.(type) {
	case stream:
		for key := range o.dict {
			if key != "Length" && key != "Filter" {
				return false
			}
		}
		filter := o.dict["Filter"]
		return filter == nil || same(filter, pdfName("FlateDecode")) || same(filter, array{pdfName("FlateDecode")})
	case dict:
		for key, v := range o {
			_, err := hex.DecodeString(string(key)) // names of signatures: SHA-1 of their values
			named := len(key) == 40 && err == nil
			if !named && !slices.Contains([]pdfName{"Type", "VRI", "Certs", "CRLs", "OCSPs", "Cert", "CRL", "OCSP", "TU", "TS"}, key) {
				return false
			}
			if key == "Type" && !same(v, pdfName("DSS")) && !same(v, pdfName("VRI")) {
				return false
			}
			switch v.(type) {
			case dict, array:
				if !validationData(v) {
					return false
				}
			}
		}
		return true
	case array:
		return !slices.ContainsFunc(o, func(v any) bool { _, ok := v.(reference); return !ok })
	}
	return false
}

// permitted reports whether an object of an earlier revision may be written anew like this.
func (u *updates) permitted(number int, before, after any, stamps map[reference]bool) bool {
	old, ok := before.(dict)
	if !ok {
		// Lists and dictionaries of validation data may grow.
		return number >= u.base && validationData(before) && validationData(after)
	}
	now, ok := after.(dict)
	switch {
	case !ok:
		return false
	case reference(number) == u.root:
		return u.permittedCatalog(old, now, stamps)
	case same(u.catalog()["AcroForm"], reference(number)):
		return permittedForm(old, now, stamps)
	case same(old["Type"], pdfName("Page")):
		return sameBut(old, now, "Annots") && grown(old["Annots"], now["Annots"], stamps)
	}
	return number >= u.base && validationData(before) && validationData(after)
}

func (u *updates) catalog() dict {
	catalog, _ := u.current[int(u.root)].(dict)
	return catalog
}

func (u *updates) permittedCatalog(old, now dict, stamps map[reference]bool) bool {
	if !sameBut(old, now, "DSS", "AcroForm", "Extensions") || len(references(now["Extensions"])) > 0 {
		return false
	}
	if slices.ContainsFunc(references(now["DSS"]), func(to reference) bool { return int(to) < u.base }) {
		return false
	}
	if store, direct := now["DSS"].(dict); direct && !validationData(store) {
		return false
	}
	oldForm, direct := old["AcroForm"].(dict)
	if !direct {
		return same(old["AcroForm"], now["AcroForm"])
	}
	nowForm, direct := now["AcroForm"].(dict)
	return direct && permittedForm(oldForm, nowForm, stamps)
}

func permittedForm(old, now dict, stamps map[reference]bool) bool {
	return sameBut(old, now, "Fields", "SigFlags") && grown(old["Fields"], now["Fields"], stamps)
}

// sameBut compares two dictionaries without some of their entries.
func sameBut(old, now dict, but ...pdfName) bool {
	for _, of := range []dict{old, now} {
		for key := range of {
			if !slices.Contains(but, key) && !same(old[key], now[key]) {
				return false
			}
		}
	}
	return true
}

// grown reports whether a list of references is the old one, followed by new time stamps alone.
func grown(old, now any, stamps map[reference]bool) bool {
	before, ok := old.(array)
	if !ok && old != nil {
		return same(old, now)
	}
	after, ok := now.(array)
	if !ok || len(after) < len(before) || !same(before, after[:len(before)]) {
		return now == nil && old == nil
	}
	for _, v := range after[len(before):] {
		if to, ok := v.(reference); !ok || !stamps[to] {
			return false
		}
	}
	return true
}

// inForm reports whether the revision puts its time stamp's field among the form's.
func (u *updates) inForm(r revision, stamps map[reference]bool) bool {
	catalog := u.catalog()
	if now, ok := r.objects[int(u.root)].(dict); ok {
		catalog = now
	}
	form, ok := catalog["AcroForm"].(dict)
	if to, indirect := catalog["AcroForm"].(reference); indirect {
		form, ok = r.objects[int(to)].(dict)
	}
	if !ok {
		return false
	}
	for _, to := range references(form["Fields"]) {
		if stamps[to] {
			return true
		}
	}
	return false
}
