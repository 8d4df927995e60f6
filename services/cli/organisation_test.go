package cli

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	anApplication = "0191d0a1-0000-7000-8000-000000000001"
	anOffice      = "0191d0a1-0000-4000-8000-000000000002"
	anAuthority   = "0191d0a1-0000-7000-8000-000000000003"
	asked         = `{"id":"` + anApplication + `","name":"가상나루","businessNumber":"0001234560","type":"ORGANISATION_TYPE_CORPORATION","state":"APPLICATION_STATE_WAITING","askedAt":"2026-03-02T01:02:03.000000Z"}`
)

// An operator sees what waits, looks at the papers, and confirms or refuses.
func TestOrganisationApplications(t *testing.T) {
	t.Parallel()
	const base = "/v1/admin/organisation-applications"
	paper := base64.StdEncoding.EncodeToString([]byte("\xff\xd8\xff\xe0"))
	f := newRelay(t, map[string][]string{
		"GET " + base:                                     {`{"applications":[` + asked + `]}`},
		"GET " + base + "/" + anApplication:               {`{"application":` + asked + `,"applicantName":"가온별","applicantBirthDate":"19900101","businessDocument":"` + paper + `","registrationDocument":"` + paper + `"}`, `{"application":` + asked + `}`},
		"POST " + base + "/" + anApplication + ":confirm": {`{"application":{"id":"` + anApplication + `","organisation":"` + anOffice + `"}}`},
		"POST " + base + "/" + anApplication + ":refuse":  {`{"application":{"id":"` + anApplication + `"}}`},
	})
	code, stdout, stderr := operatorRun(t, f, "organisation", "list")
	require.Equal(t, ExitOK, code, stderr)
	require.Regexp(t, `(?m)^`+anApplication+` +2026-03-02T01:02:03.000000Z +CORPORATION +0001234560 +가상나루$`, stdout)

	folder := t.TempDir()
	license, form := filepath.Join(folder, "license.jpg"), filepath.Join(folder, "form.jpg")
	code, stdout, stderr = operatorRun(t, f, "organisation", "show", anApplication, "--business-document", license, "--registration-document", form)
	require.Equal(t, ExitOK, code, stderr)
	require.Contains(t, stdout, "applicant: 가온별  19900101")
	for _, path := range []string{license, form} {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, []byte("\xff\xd8\xff\xe0"), content)
	}
	gone := filepath.Join(folder, "gone.jpg")
	code, _, stderr = operatorRun(t, f, "organisation", "show", anApplication, "--business-document", gone)
	require.Equal(t, ExitFailed, code)
	require.Contains(t, stderr, "not kept any more")
	require.NoFileExists(t, gone)

	code, stdout, stderr = operatorRun(t, f, "organisation", "confirm", anApplication)
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, anApplication+"  confirmed  organisation "+anOffice+"\n", stdout)
	code, stdout, stderr = operatorRun(t, f, "organisation", "refuse", anApplication, "--reason", "읽히지 않음")
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, anApplication+"  refused\n", stdout)
	require.JSONEq(t, `{"reason":"읽히지 않음"}`, strings.TrimPrefix(f.bodies["POST "+base+"/"+anApplication+":refuse"][0], "Bearer operator "))
	code, _, _ = operatorRun(t, f, "organisation", "refuse", anApplication)
	require.Equal(t, ExitUsage, code, "a refusal has a reason")
}

// An operator sees who may act for an organisation, and ends an authority.
func TestOrganisationAuthorities(t *testing.T) {
	t.Parallel()
	const base = "/v1/admin/organisations/" + anOffice + "/authorities"
	const end = "POST " + base + "/" + anAuthority + ":end"
	f := newRelay(t, map[string][]string{
		"GET " + base: {`{"authorities":[{"id":"` + anAuthority + `","role":"AUTHORITY_ROLE_AUTHORISED","rights":["AUTHORITY_RIGHT_LOOK","AUTHORITY_RIGHT_CERTIFICATES"],"person":"p-1","grantedAt":"2026-03-02T01:02:03.000000Z"}]}`},
		end:           {`{}`},
	})
	code, stdout, stderr := operatorRun(t, f, "organisation", "authorities", anOffice)
	require.Equal(t, ExitOK, code, stderr)
	require.Regexp(t, `(?m)^`+anAuthority+` +AUTHORISED +LOOK,CERTIFICATES +p-1 +2026-03-02T01:02:03.000000Z +-$`, stdout)
	code, stdout, stderr = operatorRun(t, f, "organisation", "end", anOffice, anAuthority, "--reason", "퇴임")
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, anAuthority+"  ended\n", stdout)
	require.JSONEq(t, `{"reason":"퇴임"}`, strings.TrimPrefix(f.bodies[end][0], "Bearer operator "))
}

// A test person applies for an organisation with test papers; the same request id is sent as it was given.
func TestOrganisationApply(t *testing.T) {
	t.Parallel()
	const call = "POST /v1/organisation-applications"
	f, hint := newProvingRelay(t, map[string][]string{call: {`{"application":` + asked + `}`}})
	args := []string{"organisation", "apply", "--person", "harbor", "--name", "가상나루", "--business-number", "0001234560", "--type", "state-agency", "--request-id", "once"}
	code, stdout, stderr := operatorRun(t, f, append(args, "--sandbox")...)
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, anApplication+"  WAITING\n", stdout)
	require.Equal(t, "harbor", *hint)
	var sent struct {
		Application                            struct{ Name, BusinessNumber, Type, TermsVersion string }
		RequestID                              string
		Consent, DesignateInbox                bool
		BusinessDocument, RegistrationDocument []byte
	}
	require.NoError(t, json.Unmarshal([]byte(strings.TrimPrefix(f.bodies[call][0], "Bearer session ")), &sent))
	require.Equal(t, []any{"가상나루", "0001234560", "ORGANISATION_TYPE_STATE_AGENCY", "sandbox-1", "once", true, true}, []any{
		sent.Application.Name, sent.Application.BusinessNumber, sent.Application.Type, sent.Application.TermsVersion, sent.RequestID, sent.Consent, sent.DesignateInbox,
	})
	require.Equal(t, []byte{0xff, 0xd8, 0xff}, sent.BusinessDocument[:3])
	require.NotEmpty(t, sent.RegistrationDocument)
	code, _, stderr = operatorRun(t, f, args...)
	require.Equal(t, ExitUsage, code)
	require.Contains(t, stderr, "--business-document")
}
