package kelpie

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The most bytes of a file of a token. A larger file is another file.
const tokenFileBytes = 4096

// The token in the file; empty if there is no file. FILE_INVALID: a later attempt may succeed.
func readTokenFile(path string) (string, error) {
	found, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err == nil && (found.Size() > tokenFileBytes || !found.Mode().IsRegular()) {
		err = errors.New("it is no file of a token")
	}
	if err != nil {
		return "", tokenFileError(path, err)
	}
	return tokenIn(path, path)
}

func tokenIn(file, path string) (string, error) {
	content, err := os.ReadFile(file)
	token := strings.TrimSpace(string(content))
	if err == nil {
		err = checkToken("its content", token)
	}
	if err != nil {
		return "", tokenFileError(path, err)
	}
	return token, nil
}

// The token that waits for its Join: that of an earlier attempt, of this process or another one, or else a new one. It
// is on the disk before the coordinator sees its hash. FILE_INVALID.
func pendingToken(path string) (string, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", tokenFileError(path, err)
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // It never fails.
	drawn := "klp_" + base64.RawURLEncoding.EncodeToString(secret)
	pending := path + ".joining"
	own := pending + "." + drawn[len(drawn)-8:]
	defer os.Remove(own)
	err := writeSynced(own, []byte(drawn+"\n"), os.O_EXCL, 0o600)
	if err == nil {
		// Of several processes one creates the file, whole, and the others read it.
		err = os.Link(own, pending)
	}
	switch {
	case err == nil:
		syncFolder(path)
		return drawn, nil
	case errors.Is(err, fs.ErrExist):
		return tokenIn(pending, path)
	}
	return "", tokenFileError(path, err)
}

// The coordinator has accepted the pending token: it becomes the token. FILE_INVALID.
func acceptPendingToken(path string) error {
	// Where there is none any more, another process of the node was faster.
	if err := os.Rename(path+".joining", path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return tokenFileError(path, err)
	}
	syncFolder(path)
	return nil
}

// No coordinator has accepted the pending token, and the node does not ask again. FILE_INVALID.
func dropPendingToken(path string) error {
	if err := os.Remove(path + ".joining"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return tokenFileError(path, err)
	}
	return nil
}

func tokenFileError(path string, err error) error {
	return &Error{
		Reason: ReasonFileInvalid, Message: fmt.Sprintf("the token file %s cannot be used: %v", path, err), cause: err,
	}
}

// Creates a file whose bytes are on the disk.
func writeSynced(path string, bytes []byte, flag int, mode fs.FileMode) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|flag, mode)
	if err != nil {
		return err
	}
	if _, err = file.Write(bytes); err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// Puts the names in the folder of a file on the disk. Windows cannot: there the system decides when they are.
func syncFolder(path string) {
	if folder, err := os.Open(filepath.Dir(path)); err == nil {
		_ = folder.Sync()
		_ = folder.Close()
	}
}
