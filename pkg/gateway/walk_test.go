package gateway_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/naru-relay/naru/pkg/gateway"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

// All faults of a body are reported at once, each with path and rule.
func TestWalkViolations(t *testing.T) {
	t.Parallel()
	message := sample(t)
	tests := []struct {
		name, body string
		// want lists "path rule" in the order of the body.
		want []string
	}{
		{"unknown member", `{"aText":"x","bText":1}`, []string{"bText json.unknown"}},
		{"the proto name", `{"a_text":"x"}`, []string{"a_text json.unknown"}},
		{"unknown member with deep content", `{"x":{"y":[1,{"z":"\u00e9"}],"w":true},"i32":"q"}`, []string{"x json.unknown", "i32 json.number"}},
		{"an extension's name", `{"[sample.x]":1}`, []string{"[sample.x] json.unknown"}},
		{"unknown name that is long and unprintable", `{"` + strings.Repeat("가", 70) + `":1,"\u0007":2}`, []string{strings.Repeat("가", 60) + "… json.unknown", "? json.unknown"}},
		{"member twice", `{"aText":"x","aText":"y"}`, []string{"aText json.duplicate"}},
		{"member twice, once null", `{"aText":null,"aText":"y"}`, []string{"aText json.duplicate"}},
		{"member twice by escapes", `{"yes":true,"\u0079es":true}`, []string{"yes json.duplicate"}},
		{"both sides of a oneof", `{"left":"x","right":1}`, []string{"right json.oneof"}},
		{"string for each other kind", `{"yes":"true","inner":"x","list":"x","byText":"x","at":1,"during":1}`, []string{
			"yes json.type", "inner json.type", "list json.type", "byText json.type", "at json.type", "during json.type"}},
		{"number for each other kind", `{"aText":1,"raw":1,"colour":1,"yes":1,"inner":1,"numbers":1}`, []string{
			"aText json.type", "raw json.type", "colour json.type", "yes json.type", "inner json.type", "numbers json.type"}},
		{"boolean for numbers", `{"i32":true,"u64":false,"f64":true}`, []string{"i32 json.type", "u64 json.type", "f64 json.type"}},
		{"null inside lists and maps", `{"numbers":[1,null],"list":[null],"byNumber":{"1":null}}`, []string{
			"numbers[1] json.type", "list[0] json.type", "byNumber[*] json.type"}},
		{"list instead of the object", `[]`, []string{" json.type"}},
		{"null instead of the object", `null`, []string{" json.type"}},
		{"fractions and exponents for integers", `{"i32":1.5,"i64":1e3,"u32":1.0,"u64":"1e3"}`, []string{
			"i32 json.number", "i64 json.number", "u32 json.number", "u64 json.number"}},
		{"integers with white space, sign or nothing", `{"i32":" 1","i64":"+1","u32":"","u64":"-0"}`, []string{
			"i32 json.number", "i64 json.number", "u32 json.number", "u64 json.number"}},
		{"integers out of range", `{"i32":2147483648,"i64":"9223372036854775808","u32":-1,"u64":18446744073709551616}`, []string{
			"i32 json.range", "i64 json.range", "u32 json.range", "u64 json.range"}},
		{"an integer of a hundred digits", `{"i64":` + strings.Repeat("9", 100) + `}`, []string{"i64 json.range"}},
		{"floats out of range or none", `{"f32":1e39,"f64":1e400,"list":[{"f64":"abc"},{"f32":"NaN"}]}`, []string{
			"f32 json.range", "f64 json.range", "list[0].f64 json.number", "list[1].f32 json.number"}},
		{"enum by unknown name and in lower case", `{"colour":"COLOUR_BLUE","inner":{"colour":"colour_red"}}`, []string{"colour json.enum", "inner.colour json.enum"}},
		{"base64", `{"raw":"A","list":[{"raw":"AA*="},{"raw":"AAAA\n"},{"raw":"A=AA"},{"raw":"+_AA"}]}`, []string{
			"raw json.base64", "list[0].raw json.base64", "list[1].raw json.base64", "list[2].raw json.base64", "list[3].raw json.base64"}},
		{"times", `{"at":"2026-01-02","list":[{"at":"2026-02-30T00:00:00Z"},{"at":"2026-01-02 03:04:05Z"},{"at":"2026-01-02t03:04:05z"},
			{"at":"0000-12-31T23:59:59Z"},{"at":"2026-01-02T03:04:05.1234567890Z"},{"at":"2026-01-02T03:04:05"},{"at":"9999-12-31T23:59:59-01:00"},{"at":"2026-01-02T03:04:05,5Z"}]}`, []string{
			"at json.timestamp", "list[0].at json.timestamp", "list[1].at json.timestamp", "list[2].at json.timestamp",
			"list[3].at json.timestamp", "list[4].at json.timestamp", "list[5].at json.timestamp", "list[6].at json.timestamp", "list[7].at json.timestamp"}},
		{"durations", `{"during":"1","list":[{"during":"1m"},{"during":"315576000001s"},{"during":"315576000000.1s"},{"during":".5s"},{"during":"+1s"}]}`, []string{
			"during json.duration", "list[0].during json.duration", "list[1].during json.duration", "list[2].during json.duration", "list[3].during json.duration", "list[4].during json.duration"}},
		{"bad UTF-8", "{\"aText\":\"a\xff\",\"raw\":\"\xc0\x80\",\"inner\":{\"aText\":\"\\n\xed\xa0\x80\"}}", []string{"aText json.utf8", "raw json.utf8", "inner.aText json.utf8"}},
		{"bad UTF-8 in a name", "{\"\xff\":1}", []string{"? json.unknown"}},
		{"lone surrogates", `{"aText":"\ud800","inner":{"aText":"\udc00x"},"list":[{"aText":"\ud800\ud800"}]}`, []string{
			"aText json.surrogate", "inner.aText json.surrogate", "list[0].aText json.surrogate"}},
		{"U+0000", `{"aText":"a\u0000","byText":{"\u0000":{}}}`, []string{"aText json.nul", "byText[*] json.nul"}},
		{"map keys", `{"byNumber":{"x":"a","1":"b","1":"c"},"byBool":{"yes":"COLOUR_RED"},"byText":{"a":{"i32":"z"},"a":{}}}`, []string{
			"byNumber[*] json.number", "byNumber[*] json.duplicate", "byBool[*] json.type", "byText[*].i32 json.number", "byText[*] json.duplicate"}},
		{"a wrapper's value", `{"wrapped":"x"}`, []string{"wrapped json.number"}},
		{"a member of Empty", `{"nothing":{"x":1}}`, []string{"nothing.x json.unknown"}},
		{"what the API does not take", `{"anything":{"x":1}}`, []string{"anything json.unsupported"}},
		{"syntax, after other faults", `{"x":1,"aText":"a",}`, []string{"x json.unknown", " json.syntax"}},
		{"syntax inside what is unknown", `{"x":[1,{"secret":tru}]}`, []string{"x json.unknown", "x[1][*] json.syntax"}},
		{"syntax inside", `{"list":[{"i32":01}]}`, []string{"list[0].i32 json.syntax"}},
		{"nothing", ``, []string{" json.type", " json.syntax"}},
		{"two values", `{} {}`, []string{" json.syntax"}},
		{"a byte order mark", "\ufeff{}", []string{" json.type", " json.syntax"}},
		{"a NUL at the end", "{}\x00", []string{" json.syntax"}},
		{"a control character in a string", "{\"aText\":\"a\tb\"}", []string{"aText json.syntax"}},
		{"half a string", `{"aText":"a\`, []string{"aText json.syntax"}},
		{"half an escape", `{"aText":"\u12`, []string{"aText json.syntax"}},
		{"an unknown escape", `{"aText":"\x"}`, []string{"aText json.syntax"}},
		{"a comment", `{/**/}`, []string{" json.syntax"}},
		{"single quotes", `{'aText':1}`, []string{" json.syntax"}},
		{"a literal that goes on", `{"yes":trueish}`, []string{"yes json.syntax"}},
		{"a null that goes on", `{"yes":nullish}`, []string{"yes json.syntax"}},
		{"a number that goes on", `{"i32":1x}`, []string{"i32 json.syntax"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, v := range gateway.Walk([]byte(tt.body), message) {
				got = append(got, v.Field+" "+v.Rule)
				require.NotEmpty(t, v.Message)
			}
			require.Equal(t, tt.want, got)
		})
	}
}

// A correct body has no violation, and protojson accepts it.
func TestWalkAccepts(t *testing.T) {
	t.Parallel()
	message := sample(t)
	for name, body := range map[string]string{
		"empty":               `{}`,
		"white space":         " \t\r\n{ \"aText\" : \"x\" , \"numbers\" : [ 1 , 2 ] } \n",
		"nulls":               `{"aText":null,"inner":null,"numbers":null,"byText":null,"at":null,"left":null,"right":1}`,
		"strings":             `{"aText":"\"\\\/\b\f\n\r\t가\ud83d\ude00","maybe":""}`,
		"integers":            `{"i32":-2147483648,"i64":"-9223372036854775808","u32":4294967295,"u64":"18446744073709551615","numbers":[0,"7"]}`,
		"floats":              `{"f32":1.5e3,"f64":"-0.1","inner":{"f64":0}}`,
		"bytes":               `{"raw":"-_8","list":[{"raw":"+/8="},{"raw":""},{"raw":"AAAA"}]}`,
		"times and durations": `{"at":"2026-01-02T03:04:05.123456789+09:00","during":"-1.5s","inner":{"at":"0001-01-01T00:00:00Z","during":"315576000000s"}}`,
		"maps":                `{"byText":{"":{"yes":true}},"byNumber":{"-5":"x","5":"y"},"byBool":{"true":"COLOUR_RED","false":"COLOUR_UNSPECIFIED"}}`,
		"well-known types":    `{"wrapped":"5","nothing":{}}`,
		"nesting of 32":       strings.Repeat(`{"inner":`, 31) + "{}" + strings.Repeat("}", 31),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Empty(t, gateway.Walk([]byte(body), message))
			require.NoError(t, protojson.Unmarshal([]byte(body), dynamicpb.NewMessage(message)))
		})
	}
}

// Nesting is limited, both in known members and in skipped ones.
func TestWalkDepth(t *testing.T) {
	t.Parallel()
	message := sample(t)
	for _, tt := range []struct{ name, body, want string }{
		{"known, and a path that is cut", strings.Repeat(`{"inner":`, 32) + "{}" + strings.Repeat("}", 32), strings.Repeat("inner.", 20) + "…"},
		{"skipped", `{"x":` + strings.Repeat("[", 1_000_000), "x" + strings.Repeat("[0]", 31)},
		{"object", strings.Repeat(`{"x":`, 100_000), "x" + strings.Repeat("[*]", 31)},
		{"a list and an object that are passed first", `{"x":[[[]],{"y":[]},[` + strings.Repeat("[", 40), "x[2]" + strings.Repeat("[0]", 30)},
		{"inside a known message", `{"list":[{},{"y":[1,` + strings.Repeat("[", 40), "list[1].y[1]" + strings.Repeat("[0]", 28)},
		{"a value of the wrong kind", `{"inner":{"aText":` + strings.Repeat("[", 40), "inner.aText" + strings.Repeat("[0]", 30)},
		{"a member given twice", `{"list":[],"list":` + strings.Repeat("[", 40), "list" + strings.Repeat("[0]", 31)},
		{"names that may be values", `{"byText":{"secret":{"x":{"secret":` + strings.Repeat("[", 40), "byText[*].x[*]" + strings.Repeat("[0]", 28)},
		{"a long name", `{"` + strings.Repeat("가", 70) + `":` + strings.Repeat("[", 40), strings.Repeat("가", 60) + "…" + strings.Repeat("[0]", 19) + "[0…"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			violations := gateway.Walk([]byte(tt.body), message)
			last := violations[len(violations)-1]
			require.Equal(t, "json.depth", last.Rule)
			require.Equal(t, tt.want, last.Field)
		})
	}
}

// A large body that consists of faults does not make an equally large answer.
func TestWalkIsBounded(t *testing.T) {
	t.Parallel()
	body := `{"numbers":[` + strings.TrimSuffix(strings.Repeat(`"x",`, 100_000), ",") + `]}`
	require.Len(t, gateway.Walk([]byte(body), sample(t)), 1000)
}

// For any input Walk does not panic, passes nothing that protojson refuses, and repeats no value.
func FuzzWalk(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"items":[{"ownKey":"a","recipient":{"person":{"name":"x"}},"documentType":"DOCUMENT_TYPE_GENERAL","registrationCertificate":"AAAA","sendDeadline":"2026-01-02T03:04:05Z"}]}`,
		`{"aText":"\ud83d\ude00","raw":"-_8","colour":"COLOUR_RED","yes":true,"i32":-1,"i64":"5","f64":1.5e3,"at":"2026-01-02T03:04:05.5+09:00","during":"1.5s"}`,
		`{"byText":{"a":{"numbers":[1,"2"]}},"byNumber":{"-1":"x"},"byBool":{"true":"COLOUR_RED"},"left":"x","maybe":"","wrapped":"1","nothing":{},"anything":null}`,
		`{"list":[{},{"inner":{"u64":"18446744073709551615"}}],"at":null}`, "{\"aText\":\"\xff\"}", `{"f32":1e38,"f64":"1e308"}`,
	} {
		f.Add([]byte(seed))
	}
	messages := []protoreflect.MessageDescriptor{sample(f), (&intakev1.BatchSendRequest{}).ProtoReflect().Descriptor()}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, message := range messages {
			violations := gateway.Walk(body, message)
			if len(violations) == 0 {
				require.NoError(t, protojson.Unmarshal(body, dynamicpb.NewMessage(message)))
			}
			for _, v := range violations {
				require.NotEmpty(t, v.Rule)
			}
		}
	})
}
