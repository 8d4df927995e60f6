package pdfscan

import (
	"errors"
	"io"
	"strconv"
)

// frame is a dictionary or array that is open.
type frame struct {
	dict bool
	// key is the last key of a dictionary; pending says that its value is still to come.
	key     string
	pending bool
}

// entries are what the outermost dictionary of an object says about the stream after it.
type entries struct {
	dict bool
	// length is direct and known; indirect lengths would have to be looked for.
	length int64
	// kind is the value of Type; filters counts those that are named, deflated says that the only one is FlateDecode.
	kind     string
	filters  int
	deflated bool
	// encoded says that more was done to the bytes than one filter tells.
	encoded bool
	// count and first are the entries that only object streams have.
	count, first bool
	// reference counts numbers in the place of Length: more than one is an indirect length.
	reference int
}

// isObjectStream also recognises one that hides its type: readers go by N and First.
func (e entries) isObjectStream() bool { return e.kind == "ObjStm" || (e.count && e.first) }

// values follows the dictionaries and arrays of an object and reports what they hold.
type values struct {
	s        *scanner
	inStream bool
	// at is where findings are, unless it is negative: then where the lexer stands.
	at     int64
	lexer  *lexer
	frames []frame
	top    entries
}

func (v *values) position() int64 {
	if v.at >= 0 {
		return v.at
	}
	return v.lexer.position
}

func (v *values) report(reason, message string) {
	v.s.report(reason, message, v.position(), v.inStream)
}

// take follows one token; false when nothing sensible can follow.
func (v *values) take(t token) bool {
	switch t.kind {
	case tokenDictBegin, tokenArrayBegin:
		v.value("")
		if len(v.frames) == maxDepth {
			v.report(Malformed, "objects are nested too deeply")
			return false
		}
		if len(v.frames) == 0 {
			v.top = entries{dict: t.kind == tokenDictBegin, length: -1}
		}
		v.frames = append(v.frames, frame{dict: t.kind == tokenDictBegin})
	case tokenDictEnd, tokenArrayEnd:
		if len(v.frames) == 0 || v.frames[len(v.frames)-1].dict != (t.kind == tokenDictEnd) {
			v.report(Malformed, "a dictionary or array ends that did not begin")
			return false
		}
		v.frames = v.frames[:len(v.frames)-1]
	case tokenName:
		v.name(t.text)
	case tokenNumber:
		v.number(t.text)
	case tokenOther, tokenKeyword:
		v.value("")
	}
	return true
}

// name is a key or a value: a value directly after a key, a key everywhere else in a dictionary.
func (v *values) name(text string) {
	if len(v.frames) == 0 {
		return
	}
	open := &v.frames[len(v.frames)-1]
	if !open.dict || open.pending {
		v.value(text)
		return
	}
	open.key, open.pending = text, true
	v.judgeKey(text)
	if len(v.frames) == 1 {
		switch text {
		case "N":
			v.top.count = true
		case "First":
			v.top.first = true
		}
	}
}

// value is one that follows a key; text is that of a name, else empty.
func (v *values) value(text string) {
	if len(v.frames) == 0 {
		return
	}
	open := &v.frames[len(v.frames)-1]
	if open.dict {
		if open.pending {
			v.judgeValue(open.key, text)
		}
		open.pending = false
	}
	if text != "" {
		v.note(open, text)
	}
}

// note keeps names that say what the stream after the object is.
func (v *values) note(open *frame, text string) {
	switch {
	case len(v.frames) == 1 && open.key == "Type":
		v.top.kind = text
	case (len(v.frames) == 1 && open.key == "Filter") || (len(v.frames) == 2 && !open.dict && v.frames[0].key == "Filter"):
		v.top.filters++
		v.top.deflated = v.top.filters == 1 && (text == "FlateDecode" || text == "Fl")
	}
}

// number is a value, or part of a reference to another object.
func (v *values) number(text string) {
	if len(v.frames) > 0 && v.frames[0].dict {
		n, err := strconv.ParseInt(text, 10, 64)
		switch key := v.frames[0].key; {
		case key == "Length" && len(v.frames) == 1:
			v.top.reference++
			if err != nil || v.top.reference > 1 {
				n = -1
			}
			v.top.length = n
		case (key == "Filter" || key == "DecodeParms" || key == "DP") && len(v.frames) == 1: // a reference, which is not followed
			v.top.encoded = true
		case (key == "DecodeParms" || key == "DP") && v.frames[len(v.frames)-1].key == "Predictor":
			v.top.encoded = v.top.encoded || err != nil || n > 1
		}
	}
	v.value("")
}

// judgeKey reports keys that only what is refused has.
func (v *values) judgeKey(key string) {
	switch key {
	case "Encrypt":
		if len(v.frames) == 1 {
			v.report(Encrypted, "the file is encrypted")
		}
	case "JS", "JavaScript":
		v.report(Script, "a script")
	case "XFA":
		v.report(Script, "a form in XML (XFA), which may hold scripts")
	case "EF", "EmbeddedFiles":
		v.report(EmbeddedFile, "an embedded file")
	case "RichMediaContent":
		v.report(EmbeddedFile, "embedded media or programs")
	}
}

// judgeValue reports names by which what is refused is called.
func (v *values) judgeValue(key, value string) {
	switch {
	case key == "S" && value == "JavaScript":
		v.report(Script, "an action that runs a script")
	case key == "S" && value == "Launch":
		v.report(LaunchAction, "an action that starts a program")
	case key == "Type" && value == "EmbeddedFile", key == "Subtype" && value == "FileAttachment":
		v.report(EmbeddedFile, "an embedded file")
	case key == "Subtype" && value == "RichMedia":
		v.report(EmbeddedFile, "embedded media or programs")
	}
}

// object reads an object after its "obj", with its stream, up to its end.
func (s *scanner) object(begin int64) error {
	v := &values{s: s, at: -1, lexer: &s.lexer}
	err := s.body(v, false)
	switch {
	case errors.Is(err, io.EOF):
		s.malformed("the file ends within an object", begin)
	case err != nil:
		return err
	}
	s.tellNested()
	return err
}

// trailer reads the dictionary after "trailer".
func (s *scanner) trailer() error {
	begin := s.position
	err := s.body(&values{s: s, at: -1, lexer: &s.lexer}, true)
	if errors.Is(err, io.EOF) {
		s.malformed("the file ends within a trailer", begin)
	}
	s.tellNested()
	return err
}

func (s *scanner) tellNested() {
	if s.nested.at > 0 {
		s.malformed("an object stands within a string, a comment or a stream", s.nested.at)
	}
	s.nested = objectInside{}
}

// body reads tokens up to the end of an object, or of the dictionary of a trailer. What cannot be read ends it, too; the search
// for objects then goes on behind.
func (s *scanner) body(v *values, trailer bool) error {
	for {
		t, err := s.token()
		if err != nil {
			return err
		}
		if t.kind != tokenKeyword {
			if !v.take(t) || (trailer && t.kind == tokenDictEnd && len(v.frames) == 0) {
				return nil
			}
			continue
		}
		switch {
		case t.obj:
			// The next object begins without this one having ended.
			s.objects++
			s.restart(v)
			trailer = false
		case t.text == "trailer":
			s.restart(v)
			trailer = true
		case t.text == "endobj" || t.text == "xref" || t.text == "startxref":
			s.restart(v)
			return nil
		case t.text == "stream" && len(v.frames) == 0 && v.top.dict:
			if err := s.stream(v.top); err != nil {
				return err
			}
			v.top = entries{}
		default:
			v.take(t)
		}
	}
}

// restart begins anew where an object has to have ended.
func (s *scanner) restart(v *values) {
	if len(v.frames) > 0 {
		v.report(Malformed, "an object ends within a dictionary or array")
	}
	*v = values{s: s, at: -1, lexer: &s.lexer}
}
