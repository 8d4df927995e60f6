package pg

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
)

// provisionAttempts is for databases of one server that are provisioned at the same time and share roles: an advisory lock
// protects only within one database.
const provisionAttempts = 10

// Passwords of a schema's two roles: 8 or more printable ASCII characters each.
type Passwords struct {
	Owner, App string
}

// OwnerRole is the role that owns a schema's tables and runs its migrations.
func OwnerRole(schema string) string { return schema + "_owner" }

// AppRole is the role a unit works with; it has what the migrations grant it.
func AppRole(schema string) string { return schema + "_app" }

// Provision makes a schema and its two roles in the database of superURL, or brings them to this state again; passwords are set
// anew. It needs a superuser. Roles belong to the whole server: the same schema name in two databases shares them.
//
// Neither role may create anything outside the schema, and PUBLIC loses what PostgreSQL gives it by default in this database:
// connecting, temporary tables and the schema public.
func Provision(ctx context.Context, superURL, schema string, passwords Passwords) error {
	if err := checkSchema(schema); err != nil {
		return err
	}
	cfg, err := pgx.ParseConfig(superURL)
	if err != nil {
		return fmt.Errorf("provision schema %s: the superuser URL cannot be read", schema)
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("provision schema %s: %w", schema, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()

	statements, err := provisionStatements(schema, cfg.Database, passwords)
	if err != nil {
		return fmt.Errorf("provision schema %s: %w", schema, err)
	}
	for attempt := 1; ; attempt++ {
		err := runTx(ctx, conn, nil, func(tx *Tx) error {
			if err := LockTx(ctx, tx, schema+"/provision"); err != nil {
				return err
			}
			for _, s := range statements {
				if _, err := tx.Exec(ctx, s); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			return nil
		}
		if attempt == provisionAttempts || !collision(err) {
			return fmt.Errorf("provision schema %s: %w", schema, err)
		}
		if err := pauseBeforeRetry(ctx, attempt); err != nil {
			return fmt.Errorf("provision schema %s: %w", schema, err)
		}
	}
}

// collision recognises a concurrent Provision of the same roles from another database, which no advisory lock of ours can see
// ("tuple concurrently updated" is an internal error to PostgreSQL).
func collision(err error) bool {
	switch SQLState(err) {
	case stateDuplicateObject, stateUniqueViolation, stateInternalError:
		return true
	default:
		return retryable(err)
	}
}

func provisionStatements(schema, database string, passwords Passwords) ([]string, error) {
	ownerSecret, err := scramVerifier(passwords.Owner)
	if err != nil {
		return nil, fmt.Errorf("password of %s: %w", OwnerRole(schema), err)
	}
	appSecret, err := scramVerifier(passwords.App)
	if err != nil {
		return nil, fmt.Errorf("password of %s: %w", AppRole(schema), err)
	}
	quote := func(name string) string { return pgx.Identifier{name}.Sanitize() }
	s, d, owner, app := quote(schema), quote(database), quote(OwnerRole(schema)), quote(AppRole(schema))

	role := func(name, quoted, secret string) []string {
		return []string{
			fmt.Sprintf(`do $$ begin
			   if not exists (select from pg_catalog.pg_roles where rolname = '%s') then
			     create role %s;
			   end if;
			 end $$`, name, quoted),
			fmt.Sprintf(`alter role %s with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls
			                        password '%s'`, quoted, secret),
			fmt.Sprintf(`alter role %s set search_path = %s`, quoted, s),
		}
	}
	statements := append(role(OwnerRole(schema), owner, ownerSecret), role(AppRole(schema), app, appSecret)...)
	// Units tell their sessions by themselves, but behind a pooler (Options.Pooled).
	settings := sessionSettings()
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		statements = append(statements, fmt.Sprintf(`alter role %s set %s = '%s'`, app, name, settings[name]))
	}
	return append(statements,
		fmt.Sprintf(`revoke all on database %s from public`, d),
		`revoke all on schema public from public`,
		fmt.Sprintf(`grant connect on database %s to %s, %s`, d, owner, app),
		fmt.Sprintf(`create schema if not exists %s authorization %s`, s, owner),
		fmt.Sprintf(`alter schema %s owner to %s`, s, owner),
		fmt.Sprintf(`revoke all on schema %s from public`, s),
		fmt.Sprintf(`grant usage on schema %s to %s`, s, app),
		fmt.Sprintf(`alter default privileges for role %s revoke execute on functions from public`, owner),
	), nil
}

// scramVerifier is the stored form of a password (RFC 5803), so that the password itself travels in no statement and reaches no
// log or statistics view.
func scramVerifier(password string) (string, error) {
	const iterations = 4096 // what PostgreSQL uses; our passwords are random
	if len(password) < 8 {
		return "", errors.New("shorter than 8 characters")
	}
	for _, c := range []byte(password) {
		if c < 0x21 || c > 0x7e {
			return "", errors.New("holds a character that is not printable ASCII") // others would need SASLprep
		}
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("derive key: %w", err)
	}
	mac := func(text string) []byte {
		h := hmac.New(sha256.New, salted)
		_, _ = h.Write([]byte(text))
		return h.Sum(nil)
	}
	stored := sha256.Sum256(mac("Client Key"))
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, b64(salt), b64(stored[:]), b64(mac("Server Key"))), nil
}
