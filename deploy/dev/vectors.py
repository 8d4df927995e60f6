#!/usr/bin/env python3
"""Writes pkg/{jws,viewingtoken,receipt,authorisation}/testdata/vectors.json from the packages' comments, RFC 7515, RFC 6962 and RFC 6979 alone.

It shares nothing with the product, neither code nor libraries, so that what both agree on is the format and not an oversight of one. Keys,
numbers and names are invented; keys follow from a text and signatures are deterministic, so a run gives the same bytes again:

    python3 deploy/dev/vectors.py
"""

import base64
import datetime
import hashlib
import hmac
import json
import os

# P-256 (FIPS 186-4 D.1.2.3), affine: slow, short, and enough for a few hundred signatures.
P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P) if a == b else (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def multiply(k, point):
    result = None
    while k:
        if k & 1:
            result = add(result, point)
        point, k = add(point, point), k >> 1
    return result


def nonce(secret, digest):
    """RFC 6979 3.2 for SHA-256 and a group of 256 bits."""
    seed = secret.to_bytes(32, "big") + (int.from_bytes(digest, "big") % N).to_bytes(32, "big")
    k, v = bytes(32), b"\x01" * 32
    for separator in (b"\x00", b"\x01"):
        k = hmac.digest(k, v + separator + seed, "sha256")
        v = hmac.digest(k, v, "sha256")
    while True:
        v = hmac.digest(k, v, "sha256")
        if 0 < (candidate := int.from_bytes(v, "big")) < N:
            return candidate
        k = hmac.digest(k, v + b"\x00", "sha256")
        v = hmac.digest(k, v, "sha256")


def ecdsa(secret, message):
    digest = hashlib.sha256(message).digest()
    k = nonce(secret, digest)
    r = multiply(k, G)[0] % N
    s = pow(k, -1, N) * (int.from_bytes(digest, "big") + r * secret) % N
    return r, s


# RFC 6979 A.2.5, with SHA-256, message "sample".
assert ecdsa(0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721, b"sample") == (
    0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
    0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
)


def b64(raw):
    raw = raw.encode() if isinstance(raw, str) else raw
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def compact_json(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Key:
    def __init__(self, text, purpose):
        self.secret = int.from_bytes(hashlib.sha256(("naru vectors: " + text).encode()).digest(), "big") % N
        x, y = (b64(c.to_bytes(32, "big")) for c in multiply(self.secret, G))
        required = {"crv": "P-256", "kty": "EC", "x": x, "y": y}
        self.kid = b64(hashlib.sha256(compact_json(required).encode()).digest())  # RFC 7638
        self.jwk = required | {"kid": self.kid, "use": "sig", "alg": "ES256", "naru_purpose": purpose}

    def signature(self, text):
        r, s = ecdsa(self.secret, text.encode())
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def sign(self, header, claims):
        """Signs any header and claims, as somebody who does not keep to the rules would, too."""
        text = b64(header) + "." + b64(claims)
        return text + "." + b64(self.signature(text))


def header(kid, typ):
    return '{"alg":"ES256","kid":"%s","typ":"%s"}' % (kid, typ)


def write(package, about, keys, valid, refused, more=None):
    path = os.path.join(os.path.dirname(__file__), "..", "..", "pkg", package, "testdata", "vectors.json")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        value = {"about": about, "keys": {"keys": [k.jwk for k in keys]}, "valid": valid, "refused": refused} | (more or {})
        json.dump(value, f, ensure_ascii=False, indent=1)
        f.write("\n")


def jws():
    typ, key, other = "naru-test+jwt", Key("jws", "test"), Key("jws, another", "test")
    good = {"iss": "나루", "n": 7}
    head, claims = header(key.kid, typ), compact_json(good)
    text = key.sign(head, claims)
    signed, signature = text.rsplit(".", 1)
    raw = key.signature(signed)
    valid, refused = [], []

    def read(name, compact, said=None, outside=False):
        key_id = "" if outside else key.kid
        found = good if said is None else said
        valid.append({"name": name, "outside": outside, "compact": compact, "key": key.kid, "keyId": key_id, "claims": found})

    def refuse(wrong, name, compact, outside=False):
        refused.append({"name": name, "wrong": wrong, "outside": outside, "compact": compact, "key": key.kid})

    read("as it is made", text)
    read("no claim that is known", key.sign(head, "{}"), {})
    read("claims that are not known", key.sign(head, '{"iss":"나루","n":7,"later":{"a":[1,{"a":2}]}}'))
    read("the same name in two objects", key.sign(head, '{"iss":"나루","n":7,"a":{"iss":1},"b":[{"iss":2},{"iss":3}]}'))
    read("names that differ in case are other names", key.sign(head, '{"ISS":"else","iss":"나루","N":8,"n":7,"Iss":"else"}'))
    read("a name in another case only", key.sign(head, '{"ISS":"나루","n":7}'), {"n": 7})
    read("white space and escapes in claims", key.sign(head, ' {\n"iss" : "\\ub098\\ub8e8", "n":7}\t'))
    read("outside: alg alone", key.sign('{"alg":"ES256"}', claims), outside=True)
    read("outside: another order and white space", key.sign('{ "typ": "JWT", "alg": "ES256" }', claims), outside=True)
    read("outside: any key id", key.sign('{"alg":"ES256","kid":"my key/1"}', claims), outside=True)
    read("outside: places of keys and members nobody knows are ignored",
         key.sign('{"alg":"ES256","jku":"https://evil.example/","jwk":{},"x5c":[],"ALG":"none","later":{"crit":1}}', claims), outside=True)

    refuse("size", "longer than 4,096 bytes", key.sign(head, compact_json(good | {"long": "x" * 3000})))
    refuse("form", "nothing", "")
    refuse("form", "one part", "abc")
    refuse("form", "two parts", signed)
    refuse("form", "four parts", text + ".")
    refuse("form", "without signature", signed + ".")
    refuse("form", "padding", text + "==")
    refuse("form", "padding of the claims", text.replace(".", ".=", 1))
    refuse("form", "white space before it", " " + text)
    refuse("form", "a line end behind it", text + "\n")
    refuse("form", "a line end in the signature", text[:-4] + "\n" + text[-4:])
    refuse("form", "a line end in the claims, signed so", with_line_end(key, head, claims))
    refuse("form", "stray bits at the end of the signature", text[:-1] + chr(ord(text[-1]) + 1))
    refuse("form", "the other base64 alphabet", signed + "." + "+" + signature[1:])
    refuse("form", "a signature of 63 bytes", signed + "." + b64(raw[:63]))
    refuse("form", "a signature of 65 bytes", signed + "." + b64(raw + b"\x00"))
    refuse("form", "a signature in ASN.1", signed + "." + b64(b"\x30\x44\x02\x20" + raw[:32] + b"\x02\x20" + raw[32:]))
    for name, bad in {
        "alg none": head.replace("ES256", "none"), "alg HS256": head.replace("ES256", "HS256"), "alg ES384": head.replace("ES256", "ES384"),
        "alg in another case": head.replace("ES256", "es256"), "another typ": header(key.kid, "at+jwt"),
        "no typ": '{"alg":"ES256","kid":"%s"}' % key.kid,
        "no key id": '{"alg":"ES256","typ":"%s"}' % typ, "an empty key id": header("", typ), "a key id of 65 characters": header("k" * 65, typ),
        "a key id of other characters": header("k/1", typ), "a key id that breaks out": header('k","jku":"https://evil.example/', typ),
        "a critical extension": head[:-1] + ',"crit":["later"],"later":1}', "a key of its own": head[:-1] + ',"jwk":{}}',
        "white space": head.replace(",", ", "),
        "another order": '{"typ":"%s","alg":"ES256","kid":"%s"}' % (typ, key.kid), "a name twice": head[:-1] + ',"typ":"%s"}' % typ,
        "an escape": head.replace("ES256", "\\u0045S256"), "something behind it": head + "{}", "no object": '"ES256"', "nothing": "",
    }.items():
        refuse("header", "header: " + name, key.sign(bad, claims))
    for name, bad in {
        "a critical extension": '{"alg":"ES256","crit":["later"],"later":1}', "an empty list of critical extensions": '{"alg":"ES256","crit":[]}',
        "critical extensions null": '{"alg":"ES256","crit":null}', "alg none": '{"alg":"none"}', "alg in another case": '{"alg":"es256"}',
        "alg by another name": '{"ALG":"ES256"}', "alg twice": '{"alg":"none","alg":"ES256"}', "alg a list": '{"alg":["ES256"]}',
        "no alg": '{"typ":"JWT"}',
        "a list": '["ES256"]', "not UTF-8": b'{"alg":"ES256","kid":"\xff"}', "something behind it": '{"alg":"ES256"}{}',
    }.items():
        refuse("header", "outside: " + name, key.sign(bad, claims), outside=True)
    for name, bad in {
        "nothing": "", "a list": "[]", "null": "null", "text": '"iss"', "two values": claims + claims, "something behind them": claims + ",",
        "not UTF-8": b'{"iss":"\xff"}', "a name twice": '{"iss":"a","iss":"b"}', "a name twice, once escaped": '{"iss":"a","\\u0069ss":"b"}',
        "an unknown name twice": '{"iss":"a","x":1,"x":1}', "a name twice in an object within": '{"iss":"a","x":[{"y":1,"y":2}]}',
        "a comma too many": '{"iss":"a",}', "a byte order mark": "\ufeff" + claims, "another type": '{"iss":"a","n":"7"}',
        "a number with a fraction": '{"n":7.5}',
    }.items():
        refuse("claims", "claims: " + name, key.sign(head, bad))
    refuse("signature", "another key under the same id", other.sign(head, claims))
    refuse("signature", "claims of another text", head_and(head, compact_json({"iss": "나루", "n": 8}), signature))
    refuse("signature", "r and s exchanged", signed + "." + b64(raw[32:] + raw[:32]))
    refuse("signature", "r and s zero", signed + "." + b64(bytes(64)))
    refuse("signature", "s of no group", signed + "." + b64(raw[:32] + b"\xff" * 32))
    refuse("signature", "outside: another key", other.sign('{"alg":"ES256"}', claims), outside=True)
    about = ("typ is naru-test+jwt, at most 4,096 bytes. claims lists what is read of iss (text) and n (whole number). outside: read as an outside "
             "signer's. key is the one to verify with; keyId what the header names. wrong is the first check that fails. "
             "Made by deploy/dev/vectors.py.")
    write("jws", about, [key, other], valid, refused)


def head_and(head, claims, signature):
    return b64(head) + "." + b64(claims) + "." + signature


def with_line_end(key, head, claims):
    part = b64(claims)
    text = b64(head) + "." + part[:4] + "\n" + part[4:]
    return text + "." + b64(key.signature(text))


def viewingtoken():
    typ, key, other = "naru-vt+jwt", Key("viewing token", "viewing-token"), Key("viewing token, another relay", "viewing-token")
    head = header(key.kid, typ)
    good = {
        "iss": "naru-01", "sub": "k7w2-ferry", "edn": "20260302_NARU000001_0000000000042", "dh": "SHA-256:" + b64(b"\x0a" * 32),
        "aud": "018f3c1e-0000-7000-8000-000000000002", "jti": "018f3c1e-0000-7000-8000-000000000003", "iat": 1772413323, "exp": 1772413923,
    }
    valid, refused = [], []

    def read(name, change, algorithm="SHA-256", value="0a" * 32, text=None):
        c = good | change
        said = {k: c[k] for k in ("iss", "sub", "edn", "aud", "jti", "iat", "exp")} | {"documentHash": {"algorithm": algorithm, "value": value}}
        valid.append({"name": name, "token": key.sign(head, text or compact_json(c)), "claims": said})

    def refuse(wrong, name, token):
        refused.append({"name": name, "wrong": wrong, "token": token})

    def without(name):
        return compact_json({k: v for k, v in good.items() if k != name})

    read("as it is made", {})
    read("the longest of everything", {"iss": "P" * 25, "sub": "나" * 100, "dh": "SHA-512:" + b64(b"\xff" * 64)}, "SHA-512", "ff" * 64)
    read("SHA-384", {"dh": "SHA-384:" + b64(b"\x0b" * 48)}, "SHA-384", "0b" * 48)
    read("a life of one second", {"exp": good["iat"] + 1})
    read("characters that some would escape", {"sub": "<나>&루"})
    read("a claim that is not known", {"later": ["is", "ignored"]})
    read("another order, white space and escapes in the claims", {"sub": "나루"},
         text=json.dumps(dict(reversed((good | {"sub": "나루"}).items())), ensure_ascii=True, indent=1))

    token = key.sign(head, compact_json(good))
    signed, signature = token.rsplit(".", 1)
    refuse("malformed", "nothing", "")
    refuse("malformed", "two parts", signed)
    refuse("malformed", "without signature", signed + ".")
    refuse("malformed", "padding", token + "==")
    refuse("malformed", "white space", " " + token)
    refuse("malformed", "a line end in the signature", token[:-4] + "\n" + token[-4:])
    refuse("malformed", "longer than 1,024 characters", key.sign(head, compact_json(good | {"sub": "𠀋" * 100})))
    for name, bad in {
        "alg none": head.replace("ES256", "none"), "alg HS256": head.replace("ES256", "HS256"), "an access token's typ": header(key.kid, "at+jwt"),
        "no key id": '{"alg":"ES256","typ":"%s"}' % typ, "a key id of another form": header("1", typ), "a key of its own": head[:-1] + ',"jwk":{}}',
    }.items():
        refuse("malformed", "header: " + name, key.sign(bad, compact_json(good)))
    for name in good:
        refuse("malformed", "no " + name, key.sign(head, without(name)))
    for name, change in {
        "several aud": {"aud": ["a", "b"]}, "an aud of 65 characters": {"aud": "a" * 65}, "an iss of 26 characters": {"iss": "P" * 26},
        "an address of 101 characters": {"sub": "a" * 101}, "a number of another form": {"edn": "20260302_NARU000001_42"},
        "a jti in upper case": {"jti": good["jti"].upper()}, "a jti that is no UUID": {"jti": "7"},
        "an unknown hash": {"dh": "MD5:" + b64(bytes(16))}, "a hash of another length": {"dh": "SHA-512:" + b64(bytes(32))},
        "a hash in hex": {"dh": "SHA-256:" + "0a" * 32}, "a hash without algorithm": {"dh": b64(bytes(32))},
        "a hash with a line end": {"dh": good["dh"] + "\n"}, "a hash with padding": {"dh": good["dh"] + "="},
        "a life of 601 seconds": {"exp": good["iat"] + 601}, "no life": {"exp": good["iat"]}, "a time that is text": {"iat": str(good["iat"])},
        "a time with a fraction": {"iat": good["iat"] + 0.5}, "a time before 1970": {"iat": -600, "exp": -1},
    }.items():
        refuse("malformed", name, key.sign(head, compact_json(good | change)))
    refuse("malformed", "claims: a list", key.sign(head, "[]"))
    refuse("malformed", "claims: twice", key.sign(head, compact_json(good) * 2))
    refuse("malformed", "claims: not UTF-8", key.sign(head, compact_json(good).encode().replace(b"ferry", b"\xff")))
    refuse("malformed", "claims: a name twice", key.sign(head, compact_json(good)[:-1] + ',"sub":"else"}'))
    refuse("malformed", "claims: a name in another case", key.sign(head, compact_json(good).replace('"sub"', '"SUB"')))
    refuse("forged", "another relay's key under this id", other.sign(head, compact_json(good)))
    refuse("forged", "claims of another token", head_and(head, compact_json(good | {"sub": "else"}), signature))
    refuse("forged", "a signature of zeros", signed + "." + b64(bytes(64)))
    write("viewingtoken", "Tokens to verify with the key that kid names. The claims are as in the package's comment, dh as algorithm and hexadecimal. "
          "wrong: malformed is no viewing token, forged has the form of one and a signature that does not hold. "
          "Made by deploy/dev/vectors.py.", [key, other], valid, refused)


def leaf_hash(leaf):
    return hashlib.sha256(b"\x00" + leaf).digest()


def root(leaves):
    """RFC 6962 2.1."""
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + root(leaves[:k]) + root(leaves[k:])).digest()


def path(m, leaves):
    """RFC 6962 2.1.1."""
    if len(leaves) == 1:
        return b""
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return path(m, leaves[:k]) + root(leaves[k:]) if m < k else path(m - k, leaves[k:]) + root(leaves[:k])


def receipt():
    typ, key, other = "naru-receipt+jwt", Key("receipt", "receipt"), Key("receipt, not of this relay", "receipt")
    session = Key("access token", "access-token")
    head = header(key.kid, typ)

    def claims(serial, more=None):
        return {
            "edocNum": "20260302_NARU000001_%013d" % (41 + serial), "documentHash": {"algorithm": "SHA-256", "value": "%02x" % serial * 32},
            "registrationCertificateDigest": "cd" * 32, "acceptedAt": "2026-03-02T01:02:03.000450Z", "ownKey": "own-%d" % serial,
            "sender": "018f3c1e-0000-7000-8000-000000000001",
        } | (more or {})

    def statement(leaves, size=None):
        return compact_json({"root": b64(root(leaves)), "size": len(leaves) if size is None else size})

    def batch(n, by=key, h=head, more=None):
        leaves = [compact_json(claims(i + 1, more)).encode() for i in range(n)]
        signature = by.sign(h, statement(leaves))
        return [[signature, b64(leaf), str(i), b64(path(i, leaves))] for i, leaf in enumerate(leaves)]

    def of(parts):
        return "~".join(parts)

    valid, refused = [], []
    for n, indices in {1: [0], 2: [0, 1], 3: [2], 5: [0, 3, 4], 21: [16, 20], 32: [0, 31]}.items():
        for i in indices:
            valid.append({"name": "document %d of %d" % (i + 1, n), "receipt": of(batch(n)[i]), "claims": claims(i + 1)})
    valid.append({"name": "a claim that is not known", "receipt": of(batch(1, more={"later": 1})[0]), "claims": claims(1)})

    def refuse(wrong, name, text):
        refused.append({"name": name, "wrong": wrong, "receipt": text})

    a, b, c = batch(5)[:3]
    one = batch(1)[0]
    alone = one[1:]
    leaf = compact_json(claims(1)).encode()

    def signed(payload, h=head, by=key):
        return of([by.sign(h, payload), *alone])

    refuse("form", "nothing", "")
    refuse("form", "longer than 8,192 bytes", of([*one[:3], "A" * 8192]))
    refuse("form", "the signature alone", a[0])
    refuse("form", "a part more", of(a) + "~")
    refuse("form", "a path cut off", of([*a[:3], a[3][:42]]))
    refuse("form", "an index written otherwise", of([a[0], a[1], "00", a[3]]))
    refuse("form", "no index", of([a[0], a[1], "", a[3]]))
    refuse("form", "a negative index", of([a[0], a[1], "-1", a[3]]))
    refuse("form", "a line end in the claims", of([a[0], a[1][:4] + "\n" + a[1][4:], *a[2:]]))
    refuse("form", "padding of the path", of([*a[:3], a[3] + "="]))
    refuse("signature", "no JWS", of(["a.b", *alone]))
    refuse("signature", "a line end in the signature", of([one[0][:-4] + "\n" + one[0][-4:], *alone]))
    refuse("signature", "alg none", signed(statement([leaf]), head.replace("ES256", "none")))
    refuse("signature", "an access token's typ", signed(statement([leaf]), header(key.kid, "at+jwt")))
    refuse("signature", "no key id", signed(statement([leaf]), '{"alg":"ES256","typ":"%s"}' % typ))
    refuse("signature", "another key under this id", signed(statement([leaf]), by=other))
    refuse("key", "a key that is not published", of(batch(1, other, header(other.kid, typ))[0]))
    refuse("key", "a key published for something else", of(batch(1, session, header(session.kid, typ))[0]))
    refuse("signature", "no statement", signed("[]"))
    refuse("statement", "no root", signed('{"size":1}'))
    refuse("statement", "a root of another length", signed('{"root":"%s","size":1}' % b64(bytes(31))))
    refuse("statement", "no size", signed('{"root":"%s"}' % b64(root([leaf]))))
    refuse("statement", "more than go together", signed(statement([leaf], 33)))
    refuse("signature", "a root said twice", signed('{"root":"%s","root":"%s","size":1}' % (b64(bytes(32)), b64(root([leaf])))))
    refuse("inclusion", "claims of another document of the batch", of([a[0], b[1], a[2], a[3]]))
    refuse("inclusion", "the index of another document", of([a[0], a[1], "1", a[3]]))
    refuse("inclusion", "an index outside the batch", of([a[0], a[1], "5", a[3]]))
    refuse("inclusion", "the path of another document", of([*a[:3], c[3]]))
    refuse("inclusion", "the signature of another batch", of([batch(4)[0][0], *a[1:]]))
    refuse("inclusion", "claims written otherwise", of([a[0], b64(b" " + base64.urlsafe_b64decode(a[1] + "==")), *a[2:]]))
    for name, text in {"what was signed are no claims": b"no claims", "a claim twice": leaf[:-1] + b',"ownKey":"else"}'}.items():
        refuse("claims", name, of([key.sign(head, statement([text])), b64(text), "0", ""]))
    write("receipt", "Receipts to verify with keys. claims are what is read. wrong is the first check that fails, as in the package's comment. "
          "Made by deploy/dev/vectors.py.", [key, session], valid, refused)


def listed(*values):
    """Each value after its length; numbers are eight bytes."""
    raw = (v.to_bytes(8, "big") if isinstance(v, int) else v.encode() if isinstance(v, str) else v for v in values)
    return b"".join(len(v).to_bytes(4, "big") + v for v in raw)


def micros(text):
    """Microseconds of a time like 2026-03-02T01:02:03.000450Z; empty for none."""
    if not text:
        return b""
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (at - datetime.datetime.fromtimestamp(0, datetime.timezone.utc)) // datetime.timedelta(microseconds=1)


def item_digest(item, types, categories):
    """The digest of an item, given as JSON has it."""
    def hashed(h):
        return [h.get("algorithm", ""), h.get("value", "")]

    who, viewing, contact = item["recipient"], item.get("viewing", {}), item.get("contact")
    if "platformAddress" in who:
        a = who["platformAddress"]
        recipient = ["platform_address", a["platformId"], a["address"], a.get("subAddress", "")]
    elif "ci" in who:
        recipient = ["ci", who["ci"]]
    elif "person" in who:
        recipient = ["person"] + [who["person"][n] for n in ("name", "birthDate", "phone")]
    else:
        recipient = ["business_number", who["businessNumber"]]
    attachments, uploads = item.get("attachmentHashes", []), item.get("attachmentContents", [])
    if "registrationCertificate" in item:
        certificate = hashlib.sha256(base64.b64decode(item["registrationCertificate"])).digest()
    else:
        certificate = bytes.fromhex(item.get("registrationCertificateDigest", ""))
    return hashlib.sha256(listed(
        "naru.authorisation.item.v1", item["ownKey"], *recipient, item["title"], types[item["documentType"]], categories[item["category"]],
        1 if item.get("withoutCirculation") else 0, *hashed(item.get("documentHash", {})), len(attachments), *sum(map(hashed, attachments), []),
        viewing.get("url", ""), viewing.get("viewingSystem", "").lower(), micros(viewing.get("deadline")), micros(item.get("sendDeadline")), certificate,
        item.get("senderSubAddress", ""), item.get("repeats", ""), item.get("batch", ""), 1 if contact else 0, *((contact or {}).get(n, "") for n in ("phone", "email")),
        item.get("content", "").lower(), len(uploads), *(u.lower() for u in uploads))).digest()


def authorisation():
    typ, key, other = "naru-authorisation+jwt", Key("authorisation", "authorisation"), Key("authorisation, of another institution", "authorisation")
    types = {"DOCUMENT_TYPE_GENERAL": 1, "DOCUMENT_TYPE_NOTICE": 2}
    categories = {"DOCUMENT_CATEGORY_NOTICE": 1, "DOCUMENT_CATEGORY_BILL": 2}
    sha = {"algorithm": "SHA-256", "value": "0a" * 32}
    common = {"ownKey": "own-1", "title": "안내문", "documentType": "DOCUMENT_TYPE_GENERAL", "category": "DOCUMENT_CATEGORY_NOTICE"}
    place = {"url": "https://view.example/d/1", "viewingSystem": "018F3C1E-0000-7000-8000-00000000000A"}
    stored = common | {"documentHash": sha, "viewing": place, "registrationCertificateDigest": "cd" * 32}
    handed = common | {"content": "018F3C1E-0000-7000-8000-00000000000B", "recipient": {"businessNumber": "0001234560"}}
    person = {"person": {"name": "가나다", "birthDate": "19900101", "phone": "01000000000"}}
    items = {
        "a person": stored | {"recipient": person},
        "a CI": stored | {"recipient": {"ci": "A" * 85 + "A=="}},
        "an address": stored | {"recipient": {"platformAddress": {"platformId": "relay-1", "address": "가나다", "subAddress": "1"}}},
        "an address without sub-address": stored | {"recipient": {"platformAddress": {"platformId": "relay-1", "address": "가나다"}}},
        "handed over": handed,
        "handed over with its hashes and attachments": handed | {
            "documentHash": sha, "attachmentHashes": [sha, sha],
            "attachmentContents": ["018f3c1e-0000-7000-8000-00000000000c", "018F3C1E-0000-7000-8000-00000000000D"],
        },
        "deadlines": stored | {"recipient": person, "sendDeadline": "2026-03-02T01:02:03.000450Z", "viewing": place | {"deadline": "2026-04-02T00:00:00Z"}},
        "the certificate itself": {k: v for k, v in stored.items() if k != "registrationCertificateDigest"} | {
            "recipient": person, "registrationCertificate": base64.b64encode(b"certificate").decode()},
        "everything else": stored | {
            "recipient": person, "documentType": "DOCUMENT_TYPE_NOTICE", "category": "DOCUMENT_CATEGORY_BILL", "withoutCirculation": True,
            "senderSubAddress": "민원실", "repeats": "20260302_NARU000001_0000000000042", "batch": "2026-03", "contact": {"phone": "01000000000", "email": "a@b.example"},
        },
        "a contact without phone": stored | {"recipient": person, "contact": {"email": "a@b.example"}},
    }
    digests = {name: item_digest(item, types, categories) for name, item in items.items()}
    assert len(set(digests.values())) == len(digests)
    salt = bytes(range(32))
    certificates = [
        {"edocNum": number, "reason": reason,
         "digest": hashlib.sha256(listed("naru.authorisation.certificate.v1", number, reason)).hexdigest()}
        for number, reason in (("20260302_NARU000001_0000000000042", "제출용"), ("20260302_NARU000001_0000000000042", "법원 제출"),
                               ("20260302_NARU000001_0000000000043", "제출용"))
    ]
    lists = [
        {"salt": salt.hex(), "items": [digests[n].hex() for n in names],
         "digest": hashlib.sha256(listed("naru.authorisation.v1", salt, len(names), *(digests[n] for n in names))).hexdigest()}
        for names in (["a person"], ["a CI", "a person"], ["a person", "a CI"])
    ]
    ids = {n: "018f3c1e-0000-7000-8000-00000000000%d" % i for i, n in enumerate(("authorisation", "agent", "sender"), 1)}
    good = {"authorisation": ids["authorisation"], "digest": lists[0]["digest"], "agent": ids["agent"], "sender": ids["sender"], "exp": 1772413923}
    head = header(key.kid, typ)
    text = key.sign(head, compact_json(good))
    signed, signature = text.rsplit(".", 1)
    valid, refused = [], []

    def read(name, compact):
        valid.append({"name": name, "compact": compact, "keyId": key.kid})

    def refuse(wrong, name, compact):
        refused.append({"name": name, "wrong": wrong, "compact": compact})

    def but(**changed):
        return key.sign(head, compact_json(good | changed))

    read("as it is made", text)
    read("a claim that is not known", but(later=1))
    read("another order of claims", key.sign(head, compact_json(dict(reversed(good.items())))))
    refuse("malformed", "nothing", "")
    refuse("malformed", "longer than 2,048 bytes", but(long="x" * 2000))
    refuse("malformed", "unsigned", signed + ".")
    refuse("malformed", "a line end behind it", text + "\n")
    for name, bad in {
        "alg none": head.replace("ES256", "none"), "alg HS256": head.replace("ES256", "HS256"), "an access token's typ": header(key.kid, "at+jwt"),
        "no key id": '{"alg":"ES256","typ":"%s"}' % typ, "a key id of another form": header("1", typ), "a key of its own": head[:-1] + ',"jwk":{}}',
        "another order": '{"typ":"%s","alg":"ES256","kid":"%s"}' % (typ, key.kid),
    }.items():
        refuse("malformed", "header: " + name, key.sign(bad, compact_json(good)))
    for name in good:
        refuse("malformed", "no " + name, key.sign(head, compact_json({k: v for k, v in good.items() if k != name})))
    for name, change in {
        "an authorisation in upper case": {"authorisation": good["authorisation"].upper()}, "an agent that is no UUID": {"agent": "7"},
        "a sender with a line end": {"sender": good["sender"] + "\n"}, "a digest of another length": {"digest": "0a" * 31},
        "a digest in upper case": {"digest": good["digest"].upper()}, "a digest with a line end": {"digest": good["digest"] + "\n"},
        "a time that is text": {"exp": str(good["exp"])}, "a time with a fraction": {"exp": good["exp"] + 0.5}, "no time": {"exp": 0},
        "a time before 1970": {"exp": -1}, "a time after the year 9999": {"exp": 253402300800}, "several agents": {"agent": [good["agent"]]},
    }.items():
        refuse("malformed", name, but(**change))
    refuse("malformed", "claims: a name twice", key.sign(head, compact_json(good)[:-1] + ',"agent":"else"}'))
    refuse("malformed", "claims: a name in another case", key.sign(head, compact_json(good).replace('"agent"', '"Agent"')))
    refuse("key", "another institution's key", other.sign(header(other.kid, typ), compact_json(good)))
    refuse("forged", "another institution's key under this id", other.sign(head, compact_json(good)))
    refuse("forged", "claims of another authorisation", head_and(head, compact_json(good | {"digest": "0a" * 32}), signature))
    refuse("forged", "a signature of zeros", signed + "." + b64(bytes(64)))
    for name in ("authorisation", "agent", "sender"):
        refuse("mismatch", "another " + name, but(**{name: "018f3c1e-0000-7000-8000-000000000009"}))
    refuse("digest", "other items", but(digest=lists[1]["digest"]))
    refuse("digest", "the same items in another order", but(digest=lists[2]["digest"]))
    refuse("expired", "its time is over", but(exp=1772410000))
    refuse("expired", "its time ends now", but(exp=1772413323))
    write("authorisation", "items: items as JSON has them, with their digests. certificates: documents and reasons, with theirs. lists: salts and digests of items, with the digest of the authorisation. "
          "Texts are to be verified with keys, for wanted at the time at (seconds since 1970). wrong is the first check that fails, as in the package's "
          "comment. Made by deploy/dev/vectors.py.", [key], valid, refused,
          {"items": [{"name": n, "item": items[n], "digest": digests[n].hex()} for n in items], "certificates": certificates, "lists": lists,
           "wanted": {k: good[k] for k in ("authorisation", "agent", "sender", "digest")}, "at": 1772413323})


if __name__ == "__main__":
    jws()
    viewingtoken()
    receipt()
    authorisation()
