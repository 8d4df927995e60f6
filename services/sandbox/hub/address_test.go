package hub_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/services/sandbox/hub"
)

// ci is an invented 연계정보 of 88 characters, with the characters that must be percent-encoded in a query.
var ci = strings.Repeat("Ab+/", 21) + "cQ=="

const jpeg = "\xff\xd8\xff\xe0invented picture"

func TestPersonRegistersLooksUpAndWithdraws(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, 1, b.registerPerson(naru, "Kang.Naru#test", ci, "2026-03-01 09:00:00").ResultCode)
	require.Equal(t, "ERR-01-303", b.registerPerson(naru, "kANG.nARU#TEST", ciOf("another"), "2026-03-01 09:00:00").ErrCode, "case does not make another address")
	require.Equal(t, 1, b.registerPerson(peer, "kang.naru#test", ci, "2026-03-01 09:00:00").ResultCode, "unique inside a platform only")
	require.Equal(t, 1, b.registerPerson(naru, "한국_강나루", ci, "2026-03-01 10:00:00").ResultCode, "several addresses per idn")

	byIdn := "/api/eaddr?idn=" + url.QueryEscape(ci)
	a := b.call(naru, http.MethodGet, byIdn, "")
	require.Equal(t, []string{"Kang.Naru#test", "한국_강나루"}, a.Eaddrs)
	require.Equal(t, "강나루", a.Name)
	require.Equal(t, []string{"kang.naru#test"}, b.call(naru, http.MethodGet, byIdn+"&platformId="+peer, "").Eaddrs)
	require.Equal(t, "ERR-01-304", b.call(naru, http.MethodGet, "/api/eaddr?idn=nobody", "").ErrCode)
	require.Equal(t, "ERR-01-201", b.call(naru, http.MethodGet, "/api/eaddr", "").ErrCode)

	a = b.call(naru, http.MethodGet, "/api/eaddr/user?eaddr="+url.QueryEscape("KANG.naru#test"), "")
	require.Equal(t, answer{ResultCode: 1, Name: "강나루", Type: 0, RegDate: "2026-03-01 09:00:00"}, a)

	withdraw := `{"eaddr":"kang.naru#TEST","delDate":"2026-03-02 10:00:00"}`
	require.Equal(t, "ERR-01-305", b.call(naru, http.MethodPatch, "/api/eaddr", strings.Replace(withdraw, "03-02", "02-02", 1)).ErrCode)
	require.Equal(t, 1, b.call(naru, http.MethodPatch, "/api/eaddr", withdraw).ResultCode)
	require.Equal(t, "ERR-01-304", b.call(naru, http.MethodPatch, "/api/eaddr", withdraw).ErrCode)
	require.Equal(t, []string{"한국_강나루"}, b.call(naru, http.MethodGet, byIdn, "").Eaddrs)
	require.Equal(t, []string{"Kang.Naru#test"}, b.call(naru, http.MethodGet, "/api/eaddr/canceled?idn="+url.QueryEscape(ci), "").Eaddrs)
	require.Equal(t, []string{}, b.call(peer, http.MethodGet, "/api/eaddr/canceled?idn="+url.QueryEscape(ci), "").Eaddrs)

	require.Equal(t, "ERR-01-305", b.registerPerson(naru, "kang.naru#test", ciOf("new owner"), "2026-03-02 09:59:59").ErrCode, "periods do not overlap")
	require.Equal(t, 1, b.registerPerson(naru, "kang.naru#test", ciOf("new owner"), "2026-03-02 10:00:00").ResultCode)
	require.NotContains(t, b.logged.String(), ci)
}

func TestRegistrationIsHeldAgainstEveryFieldRule(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good := map[string]string{"idn": `"` + ciOf("good") + `"`, "eaddr": `"a"`, "name": `"강나루"`, "type": `0`, "regDate": `"2026-03-01 09:00:00"`}
	tests := []struct{ name, field, value string }{
		{"no idn", "idn", ""},
		{"empty idn", "idn", `""`},
		{"a business number as the idn of a person", "idn", `"1234567891"`},
		{"idn in another base64", "idn", `"` + strings.Repeat("-", 86) + `=="`},
		{"registered in the future", "regDate", `"2026-03-02 12:00:06"`},
		{"no address", "eaddr", ""},
		{"address too long", "eaddr", `"` + strings.Repeat("가", 101) + `"`},
		{"address with a space at its end", "eaddr", `"a "`},
		{"address with U+0000", "eaddr", `"a\u0000"`},
		{"name too long", "name", `"` + strings.Repeat("가", 41) + `"`},
		{"no type", "type", ""},
		{"unknown type", "type", "7"},
		{"type as text", "type", `"0"`},
		{"organisation without documents", "type", "1"},
		{"date only", "regDate", `"2026-03-01"`},
		{"no date", "regDate", ""},
		{"unknown field", "colour", `"red"`},
		{"birth date too short", "birthDate", `"900102"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var fields []string
			for k, v := range good {
				if k != tt.field {
					fields = append(fields, fmt.Sprintf("%q:%s", k, v))
				}
			}
			if tt.value != "" {
				fields = append(fields, fmt.Sprintf("%q:%s", tt.field, tt.value))
			}
			a := b.call(naru, http.MethodPost, "/api/eaddr", "{"+strings.Join(fields, ",")+"}")
			require.Equal(t, 0, a.ResultCode)
			require.Equal(t, "ERR-01-201", a.ErrCode)
		})
	}
	longest := `"` + strings.Repeat("가", 100) + `"`
	require.Equal(t, 1, b.call(naru, http.MethodPost, "/api/eaddr",
		`{"idn":"`+ciOf("x")+`","eaddr":`+longest+`,"name":"강나루","type":0,"regDate":"2026-03-01 09:00:00"}`).ResultCode, "limits count characters")
}

func companyParts(message string) [][3]string {
	return [][3]string{
		{`form-data; name="msg"`, "application/json", message},
		{`form-data; name="file"; filename="reg-doc.jpg"`, "image/jpeg", jpeg},
		{`form-data; name="file"; filename="biz-doc.jpg"`, "image/jpeg", jpeg},
	}
}

const companyMessage = `{"idn":"1234567891","eaddr":"나루시험상사","name":"나루시험상사","type":1,"regDate":"2026-03-01 09:00:00"}`

func TestOrganisationRegistersWithDocuments(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tests := []struct {
		name   string
		change func([][3]string) [][3]string
		want   int
	}{
		{"a document is missing", func(p [][3]string) [][3]string { return p[:2] }, 0},
		{"the message is missing", func(p [][3]string) [][3]string { return p[1:] }, 0},
		{"a document twice", func(p [][3]string) [][3]string { return append(p, p[1]) }, 0},
		{"a wrong file name", func(p [][3]string) [][3]string {
			p[1][0] = `form-data; name="file"; filename="other.jpg"`
			return p
		}, 0},
		{"no JPEG inside", func(p [][3]string) [][3]string { p[1][2] = "%PDF-1.7"; return p }, 0},
		{"a person with documents", func(p [][3]string) [][3]string {
			p[0][2] = strings.Replace(p[0][2], `"type":1`, `"type":0`, 1)
			return p
		}, 0},
		{"complete", func(p [][3]string) [][3]string { return p }, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			contentType, body := mixed(t, tt.change(companyParts(companyMessage))...)
			require.Equal(t, tt.want, b.callAs(b.header(naru), http.MethodPost, "/api/eaddr", contentType, body).ResultCode)
		})
	}
}

func TestOwnerChangesKeepTheHistory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, 1, b.registerPerson(naru, "person", ci, "2026-03-01 09:00:00").ResultCode)
	contentType, body := mixed(t, companyParts(companyMessage)...)
	require.Equal(t, 1, b.callAs(b.header(naru), http.MethodPost, "/api/eaddr", contentType, body).ResultCode)

	b.clock.Advance(time.Minute)
	person := func(body string) answer { return b.call(naru, http.MethodPatch, "/api/eaddr/user/individual", body) }
	require.Equal(t, 1, person(`{"eaddr":"PERSON","name":"강새벽","updDate":"2026-03-02 11:00:00"}`).ResultCode)
	require.Equal(t, "ERR-01-304", person(`{"eaddr":"nobody","name":"강새벽","updDate":"2026-03-02 11:00:00"}`).ErrCode)
	require.Equal(t, "ERR-01-305", person(`{"eaddr":"person","name":"강새벽","updDate":"2026-03-02 10:59:59"}`).ErrCode)
	require.Equal(t, "ERR-01-201", person(`{"eaddr":"나루시험상사","name":"강새벽","updDate":"2026-03-02 11:00:00"}`).ErrCode, "an organisation is no person")
	a := b.call(naru, http.MethodGet, "/api/eaddr/user?eaddr=person", "")
	require.Equal(t, "강새벽", a.Name)
	require.Equal(t, "2026-03-01 09:00:00", a.RegDate, "joining stays when it was")

	company := func(body string) answer { return b.call(naru, http.MethodPost, "/api/eaddr/user/company", body) }
	require.Equal(t, 1, company(`{"eaddr":"나루시험상사","name":"나루시험상사","type":3,"updDate":"2026-03-02 11:00:00"}`).ResultCode)
	renamed := `{"eaddr":"나루시험상사","name":"새나루상사","type":3,"updDate":"2026-03-02 11:30:00"}`
	require.Equal(t, "ERR-01-201", company(renamed).ErrCode, "a new name needs documents")
	contentType, body = mixed(t, companyParts(renamed)...)
	require.Equal(t, 1, b.callAs(b.header(naru), http.MethodPost, "/api/eaddr/user/company", contentType, body).ResultCode)

	var list struct{ Eaddrs []hub.AddressPeriod }
	b.inspect("/sandbox/eaddrs?platformId="+naru, &list)
	var believed, superseded []string
	for _, p := range list.Eaddrs {
		until := "now"
		if p.ValidUntil != nil {
			until = p.ValidUntil.UTC().Format("02T15:04")
		}
		line := fmt.Sprintf("%s %d %s-%s", p.Name, p.Type, p.ValidFrom.UTC().Format("02T15:04"), until)
		if p.RecordedUntil != nil {
			superseded = append(superseded, line)
		} else {
			believed = append(believed, line)
		}
	}
	require.ElementsMatch(t, []string{
		"강나루 0 01T00:00-02T02:00", "강새벽 0 02T02:00-now",
		"나루시험상사 1 01T00:00-02T02:00", "나루시험상사 3 02T02:00-02T02:30", "새나루상사 3 02T02:30-now",
	}, believed)
	require.ElementsMatch(t, []string{"강나루 0 01T00:00-now", "나루시험상사 1 01T00:00-now", "나루시험상사 3 02T02:00-now"}, superseded)
	require.Equal(t, []string{}, b.call(naru, http.MethodGet, "/api/eaddr/canceled?idn=1234567891", "").Eaddrs, "a change is no withdrawal")
}

func TestSearchByPersonalData(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, 1, b.registerPerson(peer, "kang", ci, "2026-03-01 09:00:00").ResultCode)
	require.Equal(t, 1, b.registerPerson(naru, "river", ci, "2026-03-01 10:00:00").ResultCode)
	both := []hub.PlatformAddress{{PlatformID: peer, Eaddr: "kang"}, {PlatformID: naru, Eaddr: "river"}}
	tests := []struct {
		name, body string
		code       int
		want       []hub.PlatformAddress
	}{
		{"by idn on all platforms", fmt.Sprintf(`{"idn":%q}`, ci), 1, both},
		{"by the three", `{"name":"강나루","birthDate":"19900102","phone":"01000000001"}`, 1, both},
		{"writing does not matter", `{"name":"강나루","birthDate":"1990-01-02","phone":"010-0000-0001"}`, 1, both},
		{"other phone", `{"name":"강나루","birthDate":"19900102","phone":"01000000002"}`, 1, []hub.PlatformAddress{}},
		{"nobody", `{"idn":"nobody"}`, 1, []hub.PlatformAddress{}},
		{"both kinds", `{"idn":"x","name":"강나루"}`, 0, nil},
		{"two of three", `{"name":"강나루","birthDate":"19900102"}`, 0, nil},
		{"nothing", `{}`, 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := b.call(naru, http.MethodPost, "/api/eaddr/search", tt.body)
			require.Equal(t, tt.code, a.ResultCode)
			require.Equal(t, tt.want, a.Addresses)
		})
	}
	require.Equal(t, 1, b.call(peer, http.MethodPatch, "/api/eaddr", `{"eaddr":"kang","delDate":"2026-03-02 10:00:00"}`).ResultCode)
	require.Equal(t, both[1:], b.call(naru, http.MethodPost, "/api/eaddr/search", fmt.Sprintf(`{"idn":%q}`, ci)).Addresses)
}
