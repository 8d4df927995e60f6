package idp

import (
	"context"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// domain of the problem documents.
const domain = "sandbox"

const (
	reasonPersonInvalid  scenario.Reason = "IDP_PERSON_INVALID"
	reasonPersonExists   scenario.Reason = "IDP_PERSON_EXISTS"
	reasonRequestInvalid scenario.Reason = "IDP_REQUEST_INVALID"
	reasonNoticeRefused  scenario.Reason = "IDP_NOTICE_REFUSED"
)

// Person is an invented person. Anybody may log in as one.
type Person struct {
	// ID names the person in login_hint: 1 to 64 of A-Z a-z 0-9 . _ -
	ID string `json:"id"`
	// CI has 88 characters of base64; it is generated if empty.
	CI   string `json:"ci"`
	Name string `json:"name"`
	// BirthDate is YYYYMMDD, Phone 9 to 15 digits.
	BirthDate string `json:"birthDate"`
	Phone     string `json:"phone"`
}

// testPersons never change, so that scripts can name them. Their numbers belong to nobody: the prefix 010-0000 is not assigned.
func testPersons() []Person {
	persons := []Person{
		{ID: "ferry", Name: "강나루", BirthDate: "19900102", Phone: "01000000001"},
		{ID: "dawn", Name: "한새벽", BirthDate: "19850314", Phone: "01000000002"},
		{ID: "field", Name: "들꽃님", BirthDate: "20010930", Phone: "01000000003"},
		{ID: "harbor", Name: "포구리", BirthDate: "19590707", Phone: "01000000004"},
	}
	for i := range persons {
		sum := sha512.Sum512([]byte("naru sandbox person " + persons[i].ID))
		persons[i].CI = base64.StdEncoding.EncodeToString(sum[:])
	}
	return persons
}

var (
	personID  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	birthDate = regexp.MustCompile(`^[0-9]{8}$`)
	phone     = regexp.MustCompile(`^[0-9]{9,15}$`)
)

// ciBytes become 88 characters of base64.
const ciBytes = 64

// maxNameLength is the hub's limit.
const maxNameLength = 40

func (p *Person) check() (field string) {
	ci, err := base64.StdEncoding.DecodeString(p.CI)
	_, dateErr := time.Parse("20060102", p.BirthDate)
	switch {
	case !personID.MatchString(p.ID):
		return "id"
	case err != nil || len(ci) != ciBytes:
		return "ci"
	case p.Name == "" || !utf8.ValidString(p.Name) || utf8.RuneCountInString(p.Name) > maxNameLength:
		return "name"
	case !birthDate.MatchString(p.BirthDate) || dateErr != nil:
		return "birthDate"
	case !phone.MatchString(p.Phone):
		return "phone"
	}
	return ""
}

// addPerson serves POST /sandbox/persons and returns the whole person.
func (s *System) addPerson(_ http.ResponseWriter, r *http.Request) (any, error) {
	var p Person
	if err := scenario.Decode(r.Body, &p); err != nil {
		return nil, fault.New(fault.Invalid, domain, reasonPersonInvalid, "the body is not a person")
	}
	if p.ID == "" {
		p.ID = id.New().String()
	}
	if p.CI == "" {
		var b [ciBytes]byte
		_, _ = rand.Read(b[:]) // never returns an error since Go 1.24
		p.CI = base64.StdEncoding.EncodeToString(b[:])
	}
	if field := p.check(); field != "" {
		return nil, fault.New(fault.Invalid, domain, reasonPersonInvalid, "the person is not valid",
			fault.WithViolations(fault.Violation{Field: field, Rule: "person", Message: "is missing or malformed"}))
	}
	if err := s.insertPerson(r.Context(), p); err != nil {
		return nil, err
	}
	return scenario.Created{Value: p}, nil
}

func (s *System) listPersons(_ http.ResponseWriter, r *http.Request) (any, error) {
	persons, err := s.persons(r.Context())
	return map[string]any{"persons": persons}, err
}

const insertPersonSQL = `
	insert into person (person_id, ci, name, birth_date, phone, created_at)
	values ($1, $2, $3, $4, $5, $6)`

func (s *System) insertPerson(ctx context.Context, p Person) error {
	if _, err := s.DB.Exec(ctx, insertPersonSQL, p.ID, p.CI, p.Name, p.BirthDate, p.Phone, s.Clock.Now()); err != nil {
		exists := fault.New(fault.Exists, domain, reasonPersonExists, "there is a person with this id or CI")
		return pg.AsFault(fmt.Errorf("add person: %w", err), map[string]*fault.Error{"person_pk": exists, "person_ci_key": exists})
	}
	return nil
}

// insertPersons adds persons that do not exist yet.
func (s *System) insertPersons(ctx context.Context, persons ...Person) error {
	var batch pgx.Batch
	for _, p := range persons {
		batch.Queue(insertPersonSQL+` on conflict do nothing`, p.ID, p.CI, p.Name, p.BirthDate, p.Phone, s.Clock.Now())
	}
	if err := s.DB.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("add test persons: %w", err)
	}
	return nil
}

const personsSQL = `
	select person_id, ci, name, birth_date, phone
	  from person
	 order by created_at, person_id
	 limit 1000`

func (s *System) persons(ctx context.Context) ([]Person, error) {
	return pg.All(ctx, s.DB, "list persons", pgx.RowToStructByPos[Person], personsSQL)
}

const findPersonSQL = `
	select person_id, ci, name, birth_date, phone
	  from person
	 where person_id = $1`

// errNoPerson says that nobody has this id.
var errNoPerson = errors.New("no such person")

func (s *System) findPerson(ctx context.Context, personID string) (Person, error) {
	p, known, err := pg.Find(ctx, s.DB, "find person", pgx.RowToStructByPos[Person], findPersonSQL, personID)
	if err == nil && !known {
		err = errNoPerson
	}
	return p, err
}
