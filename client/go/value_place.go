package kelpie

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	keyBytes        = 128
	encodedKeyBytes = 180
)

var bucketForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// KEY_INVALID.
func checkPlace(bucket, key string) error {
	if err := checkBucket(bucket); err != nil {
		return err
	}
	switch encoded := encodedKey(key); {
	case !utf8.ValidString(key):
		return invalidKey("key", fmt.Sprintf("%q is not UTF-8", key))
	case len(key) < 1 || len(key) > keyBytes:
		return invalidKey("key", fmt.Sprintf("a key has 1 to %d bytes; %q has %d", keyBytes, cut(key, keyBytes), len(key)))
	case len(encoded) > encodedKeyBytes:
		return invalidKey("key", fmt.Sprintf("%q has %d bytes in its topic, where a byte other than a letter, a digit or "+
			`"-" takes three; the limit is %d`, key, len(encoded), encodedKeyBytes))
	}
	return nil
}

func checkBucket(bucket string) error {
	if bucketForm.MatchString(bucket) {
		return nil
	}
	return invalidKey("bucket", fmt.Sprintf(`%q cannot be a bucket: a bucket has 1 to 63 of a-z, 0-9, "_" and "-", and `+
		`begins with a letter or digit`, cut(bucket, keyBytes)))
}

func invalidKey(field, message string) error {
	return refuse(ReasonKeyInvalid, message, "field", field)
}

// The topic of a value.
func valueTopic(bucket, key string) string { return "state." + bucket + "." + encodedKey(key) }

// The pattern of all values of a bucket.
func bucketPattern(bucket string) string { return "state." + bucket + ".*" }

// Each byte other than a letter, a digit or "-" becomes "_" and two hex digits in lower case.
func encodedKey(key string) string {
	var encoded strings.Builder
	for i := range len(key) {
		switch b := key[i]; {
		case b >= 'A' && b <= 'Z', b >= 'a' && b <= 'z', b >= '0' && b <= '9', b == '-':
			encoded.WriteByte(b)
		default:
			fmt.Fprintf(&encoded, "_%02x", b)
		}
	}
	return encoded.String()
}
