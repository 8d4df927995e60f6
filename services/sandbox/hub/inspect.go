package hub

import (
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// domain is the error domain of the /sandbox paths.
const domain = "sandbox"

const (
	reasonInvalid  scenario.Reason = "HUB_REQUEST_INVALID"
	reasonNotFound scenario.Reason = "HUB_NOT_HELD"
	reasonTaken    scenario.Reason = "HUB_CLIENT_ID_TAKEN"
)

var errNotFound = fault.New(fault.NotFound, domain, reasonNotFound, "the hub holds no such thing")

// putPlatform serves POST /sandbox/platforms: it registers a relay platform and its client, or replaces the client and name of an
// existing platform.
func (s *System) putPlatform(_ http.ResponseWriter, r *http.Request) (any, error) {
	var p struct {
		PlatformID   string `json:"platformId"`
		ClientID     string `json:"clientId"`
		ClientSecret string `json:"clientSecret"`
		Name         string `json:"name"`
	}
	if err := scenario.Decode(r.Body, &p); err != nil {
		return nil, fault.New(fault.Invalid, domain, reasonInvalid, "the body is not a platform", fault.Wrap(err))
	}
	for field, ok := range map[string]bool{
		"platformId": isText(p.PlatformID, maxPlatformID), "clientId": isText(p.ClientID, 100),
		"clientSecret": isText(p.ClientSecret, 200), "name": isText(p.Name, 100),
	} {
		if !ok {
			return nil, fault.New(fault.Invalid, domain, reasonInvalid, "the platform is not valid",
				fault.WithViolations(fault.Violation{Field: field, Rule: "text", Message: "is missing or too long"}))
		}
	}
	return scenario.NoContent{}, s.storePlatform(r.Context(), p.PlatformID, p.ClientID, p.ClientSecret, p.Name)
}

const listPlatformsSQL = `
	select platform_id, client_id, name
	  from platform
	 order by platform_id`

func (s *System) listPlatforms(_ http.ResponseWriter, r *http.Request) (any, error) {
	type platform struct {
		PlatformID string `json:"platformId"`
		ClientID   string `json:"clientId"`
		Name       string `json:"name"`
	}
	list, err := pg.All(r.Context(), s.DB, "list platforms", pgx.RowToStructByPos[platform], listPlatformsSQL)
	return map[string]any{"platforms": list}, err
}

// showCirculation serves GET /sandbox/circulations/{edocNum}: the record with the hub's dates (KST, seconds).
func (s *System) showCirculation(_ http.ResponseWriter, r *http.Request) (any, error) {
	c, err := findCirculation(r.Context(), s.DB, r.PathValue("edocNum"))
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"edocNum": c.EdocNum, "subject": c.Subject,
		"sendEaddr": c.SendEaddr, "sendSubEaddr": c.SendSubEaddr, "sendName": c.SendName,
		"recvEaddr": c.RecvEaddr, "recvSubEaddr": c.RecvSubEaddr, "recvName": c.RecvName,
		"sendPlatformId": c.SendPlatformID, "recvPlatformId": c.RecvPlatformID, "registeredBy": c.RegisteredBy,
		"sendDate": formatDate(c.SendDate), "recvDate": formatDate(c.RecvDate), "readDate": formatOptional(c.ReadDate),
		"docType": c.DocType, "contentHash": c.ContentHash, "fileHashes": c.FileHashes,
		"registeredAt": c.RegisteredAt.UTC().Format(time.RFC3339Nano), "readRecordedAt": c.ReadRecordedAt,
	}, nil
}

func formatOptional(t *time.Time) *string {
	if t == nil {
		return nil
	}
	s := formatDate(*t)
	return &s
}

const countCirculationsSQL = `
	select count(*), count(read_date)
	  from circulation`

// countCirculations serves GET /sandbox/circulations.
func (s *System) countCirculations(_ http.ResponseWriter, r *http.Request) (any, error) {
	var all, read int64
	_, err := pg.Scan(r.Context(), s.DB, "count circulations", []any{&all, &read}, countCirculationsSQL)
	return map[string]any{"registered": all, "read": read}, err
}

// AddressPeriod is one row of the bitemporal history, as the inspection shows it.
type AddressPeriod struct {
	PlatformID    string     `json:"platformId"`
	Eaddr         string     `json:"eaddr"`
	Idn           string     `json:"idn"`
	Type          int        `json:"type"`
	Name          string     `json:"name"`
	ValidFrom     time.Time  `json:"validFrom"`
	ValidUntil    *time.Time `json:"validUntil"`
	EndedBy       *string    `json:"endedBy"`
	RecordedFrom  time.Time  `json:"recordedFrom"`
	RecordedUntil *time.Time `json:"recordedUntil"`
	Documents     int        `json:"documents"`
}

const listAddressesSQL = `
	select a.platform_id, a.eaddr, a.idn, a.owner_type, a.name, a.valid_from, a.valid_until, a.ended_by,
	       a.recorded_from, a.recorded_until,
	       (select count(*) from address_document d
	         where d.platform_id = a.platform_id and d.eaddr_folded = a.eaddr_folded) as documents
	  from address a
	 where $1 in ('', a.platform_id)
	 order by a.address_id
	 limit 1000`

// listAddresses serves GET /sandbox/eaddrs?platformId=: at most 1,000 rows of the history, including superseded ones.
func (s *System) listAddresses(_ http.ResponseWriter, r *http.Request) (any, error) {
	list, err := pg.All(r.Context(), s.DB, "list addresses", pgx.RowToStructByPos[AddressPeriod], listAddressesSQL, r.URL.Query().Get("platformId"))
	return map[string]any{"eaddrs": list}, err
}

const showCertificateSQL = `
	select edoc_num, applicant, reason, platform_id, issued_at, scenario, encode(digest, 'hex'), pdf
	  from certificate
	 where cert_num = $1`

// showCertificate serves GET /sandbox/certificates/{certNum}. With Accept: application/pdf it returns the PDF itself.
func (s *System) showCertificate(w http.ResponseWriter, r *http.Request) (any, error) {
	var edocNum, applicant, why, platformID, misdeed, digest string
	var issuedAt time.Time
	var pdf []byte
	known, err := pg.Scan(r.Context(), s.DB, "find certificate", []any{&edocNum, &applicant, &why, &platformID, &issuedAt, &misdeed, &digest, &pdf},
		showCertificateSQL, r.PathValue("certNum"))
	switch {
	case err != nil:
		return nil, err
	case !known:
		return nil, errNotFound
	}
	if r.Header.Get("Accept") == "application/pdf" {
		write(w, http.StatusOK, "application/pdf", pdf)
		return scenario.Written{}, nil
	}
	return map[string]any{
		"certNum": r.PathValue("certNum"), "edocNum": edocNum, "eaddr": applicant, "reason": why, "platformId": platformID,
		"issuedAt": issuedAt.UTC().Format(time.RFC3339Nano), "scenario": misdeed, "sha256": digest, "size": len(pdf),
	}, nil
}
