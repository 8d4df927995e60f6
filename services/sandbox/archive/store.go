package archive

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/pg"
)

type member struct {
	ID   string
	Name string
	Salt []byte
	Hash []byte
}

type listedMember struct {
	MemberID  string    `json:"memberId"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"createdAt"`
}

// document is a row with its registration certificate.
type document struct {
	ID                uuid.UUID
	MemberID          string
	MemberName        string
	Hash              string
	AttachmentHashes  []string
	Reference         string
	OnBehalfOf        string
	Size              int64
	FileName          string
	MediaType         string
	RegisteredAt      time.Time
	CertificateNumber string
	Certificate       []byte
}

type certificate struct {
	Number     string
	DocumentID uuid.UUID
	Kind       archivecert.Kind
	DER        []byte
	IssuedAt   time.Time
	ValidUntil time.Time
}

const saveMemberSQL = `
	insert into member (member_id, name, password_salt, password_hash, created_at, updated_at)
	            values ($1, $2, $3, $4, $5, $5)
	on conflict on constraint member_pk do update
	   set name = excluded.name, password_salt = excluded.password_salt, password_hash = excluded.password_hash,
	       updated_at = excluded.updated_at
	returning xmax = 0`

func saveMember(ctx context.Context, db pg.DBTX, m member, now time.Time) (created bool, err error) {
	return pg.Value[bool](ctx, db, "save member", saveMemberSQL, m.ID, m.Name, m.Salt, m.Hash, now)
}

const findMemberSQL = `
	select member_id, name, password_salt, password_hash from member where member_id = $1`

func findMember(ctx context.Context, db pg.DBTX, id string) (m member, known bool, err error) {
	return pg.Find(ctx, db, "find member", pgx.RowToStructByPos[member], findMemberSQL, id)
}

const listMembersSQL = `
	select member_id, name, created_at from member order by member_id limit 1000`

func listMembers(ctx context.Context, db pg.DBTX) ([]listedMember, error) {
	return pg.All(ctx, db, "list members", pgx.RowToStructByPos[listedMember], listMembersSQL)
}

const saveSessionSQL = `
	insert into session (token_digest, member_id, issued_at, expires_at) values ($1, $2, $3, $4)`

func saveSession(ctx context.Context, db pg.DBTX, digest []byte, memberID string, now, expires time.Time) error {
	return pg.Exec(ctx, db, "save log-in", saveSessionSQL, digest, memberID, now, expires)
}

const findSessionSQL = `
	select m.member_id, m.name
	  from session s join member m using (member_id)
	 where s.token_digest = $1 and s.expires_at > $2`

// findSession finds the logged-in member. It does not read the password's hash.
func findSession(ctx context.Context, db pg.DBTX, digest []byte, now time.Time) (m member, known bool, err error) {
	known, err = pg.Scan(ctx, db, "find log-in", []any{&m.ID, &m.Name}, findSessionSQL, digest, now)
	return m, known, err
}

const deleteSessionsSQL = `delete from session where expires_at <= $1`

func deleteSessions(ctx context.Context, db pg.DBTX, now time.Time) error {
	return pg.Exec(ctx, db, "delete ended log-ins", deleteSessionsSQL, now)
}

const insertDocumentSQL = `
	insert into document (document_id, member_id, hash, attachment_hashes, reference, on_behalf_of, registered_once, size, file_name, media_type,
	                      registered_at)
	              values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
	on conflict on constraint document_once_key do nothing`

// insertDocument reports whether the row was new. It is not if another submission of the same committed first.
func insertDocument(ctx context.Context, tx *pg.Tx, d document, once string) (bool, error) {
	return pg.Changed(ctx, tx, "insert document", insertDocumentSQL, d.ID, d.MemberID, d.Hash, d.AttachmentHashes, d.Reference, d.OnBehalfOf, once, d.Size,
		d.FileName, d.MediaType, d.RegisteredAt)
}

const (
	documentColumns = `
	select d.document_id, d.member_id, m.name, d.hash, d.attachment_hashes, d.reference, d.on_behalf_of, d.size, d.file_name,
	       d.media_type, d.registered_at, c.certificate_number, c.der
	  from document d
	  join member m using (member_id)
	  join certificate c on c.document_id = d.document_id and c.kind = 'registration'`

	findDocumentSQL = documentColumns + ` where d.document_id = $1 and d.member_id = $2`
	findOnceSQL     = documentColumns + ` where d.member_id = $1 and d.registered_once = $2`
	findOwnSQL      = documentColumns + `
	 where d.member_id = $1 and ($2 = '' or d.reference = $2) and ($3 = '' or d.hash = $3)
	 order by d.registered_at, d.document_id limit 20`
	listDocumentsSQL = documentColumns + `
	 where ($1 = '' or d.member_id = $1) and ($2 = '' or d.hash = $2)
	 order by d.registered_at desc, d.document_id limit 1000`
)

func findDocument(ctx context.Context, db pg.DBTX, id uuid.UUID, memberID string) (document, error) {
	return oneDocument(ctx, db, findDocumentSQL, id, memberID)
}

func findOnce(ctx context.Context, db pg.DBTX, memberID, once string) (document, error) {
	return oneDocument(ctx, db, findOnceSQL, memberID, once)
}

// findOwn lists a member's registrations by reference or hash, the first one first.
func findOwn(ctx context.Context, db pg.DBTX, memberID, reference, hash string) ([]document, error) {
	return pg.All(ctx, db, "find documents", pgx.RowToStructByPos[document], findOwnSQL, memberID, reference, hash)
}

func oneDocument(ctx context.Context, db pg.DBTX, sql string, args ...any) (document, error) {
	d, known, err := pg.Find(ctx, db, "find document", pgx.RowToStructByPos[document], sql, args...)
	if err == nil && !known {
		err = noDocument()
	}
	return d, err
}

func findDocuments(ctx context.Context, db pg.DBTX, memberID, hash string) ([]document, error) {
	return pg.All(ctx, db, "list documents", pgx.RowToStructByPos[document], listDocumentsSQL, memberID, hash)
}

const withoutRowSQL = `
	select o.id from unnest($1::uuid[]) o(id)
	 where not exists (select from document d where d.document_id = o.id)`

// withoutRow returns the ids that no document has.
func withoutRow(ctx context.Context, db pg.DBTX, ids []uuid.UUID) ([]uuid.UUID, error) {
	return pg.All(ctx, db, "find stray files", pgx.RowTo[uuid.UUID], withoutRowSQL, ids)
}

const nextSerialSQL = `select nextval('certificate_serial')`

func nextSerial(ctx context.Context, db pg.DBTX) (serial int64, err error) {
	return pg.Value[int64](ctx, db, "draw certificate number", nextSerialSQL)
}

const insertCertificateSQL = `
	insert into certificate (certificate_number, document_id, kind, digest, der, issued_at, valid_until)
	                 values ($1, $2, $3, $4, $5, $6, $7)`

func insertCertificate(ctx context.Context, db pg.DBTX, c certificate) error {
	return pg.Exec(ctx, db, "insert certificate", insertCertificateSQL, c.Number, c.DocumentID, string(c.Kind), archivecert.Digest(c.DER), c.DER,
		c.IssuedAt, c.ValidUntil)
}

const issuedSQL = `select exists (select from certificate where digest = $1)`

// issued reports whether this archive issued a certificate of exactly these bytes.
func issued(ctx context.Context, db pg.DBTX, der []byte) (ours bool, err error) {
	return pg.Value[bool](ctx, db, "find certificate", issuedSQL, archivecert.Digest(der))
}
