#!/bin/sh
# Makes the vectors of this folder with OpenSSL 3 (openssl ts, openssl cms, openssl asn1parse -genconf): a second implementation of
# the formats. Keys are thrown away, so a new run makes other files; the tests read none of their values but those below. Run it in
# this folder. Tests judge them as of 2027.
set -eu
here=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

printf 'the document of the vectors' > document
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key -out root.pem -days 7300 -subj '/O=test/CN=root' \
    -addext keyUsage=critical,keyCertSign 2>/dev/null

# signer NAME EXTENDED-KEY-USAGE
signer() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "/O=test/CN=$1" 2>/dev/null
    printf 'basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=%s\n' "$2" > "$1.ext"
    openssl x509 -req -in "$1.csr" -CA root.pem -CAkey root.key -CAcreateserial -days 7000 -extfile "$1.ext" -out "$1.pem" 2>/dev/null
}
signer archive 1.3.6.1.5.5.7.3.36
signer tsa critical,timeStamping
signer dvcs critical,1.3.6.1.5.5.7.3.10

# token FILE ESS-DIGEST
token() {
    cat > ts.conf <<CONF
[tsa]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1, millisecs:500
clock_precision_digits = 6
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = $2
CONF
    openssl ts -query -data document "-$3" -cert -out query 2>/dev/null
    openssl ts -reply -config ts.conf -section tsa -queryfile query -token_out -out "$here/$1" 2>/dev/null
}
printf '0a41' > serial
token token.der sha256 sha256
token token-sha1-binding.der sha1 sha256
token token-of-sha512.der sha256 sha512

sign() { openssl cms -sign -binary -cades -outform DER -md sha256 "$@"; }
sign -in document -signer archive.pem -inkey archive.key -out "$here/detached.der"
sign -in document -signer archive.pem -inkey archive.key -nodetach -out "$here/encapsulated.der"

now=$(date -u +%Y%m%d%H%M%SZ)
hash=$(openssl dgst -sha256 -r document | cut -c1-64)
# response FILE SERVICE STATUS
response() {
    cat > response.conf <<CONF
asn1 = SEQUENCE:info
[info]
request = SEQUENCE:request
imprint = SEQUENCE:imprint
serial = INTEGER:0x0a44
time = GENTIME:$now
status = IMPLICIT:0,SEQUENCE:status
policy = IMPLICIT:1,SEQUENCE:policy
[request]
service = ENUM:$2
nonce = INTEGER:7
time = GENTIME:$now
requester = IMPLICIT:0,SEQUENCE:names
[names]
name = IMPLICIT:6,IA5STRING:https://sender.example/
[imprint]
algorithm = SEQUENCE:algorithm
value = FORMAT:HEX,OCTETSTRING:$hash
[algorithm]
oid = OID:2.16.840.1.101.3.4.2.1
parameters = NULL
[status]
status = INTEGER:$3
[policy]
id = OID:1.2.3.4.2
CONF
    openssl asn1parse -genconf response.conf -noout -out response.der
    sign -in response.der -signer dvcs.pem -inkey dvcs.key -nodetach -econtent_type 1.2.840.113549.1.9.16.1.8 -out "$here/$1"
}
response dvcs-cpd.der 1 0
response dvcs-ccpd.der 4 0
response dvcs-vsd.der 2 0
response dvcs-rejected.der 1 2
cp root.pem document "$here"
