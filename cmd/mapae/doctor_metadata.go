package main

import (
	"context"
	"time"

	"github.com/mapae/mapae"
)

// examineMetadata reads the metadata as the server would, from its file; it
// fetches none.
func (c *doctorCommand) examineMetadata(ctx context.Context) []mapae.Finding {
	if c.Metadata == "" {
		return nil
	}
	service, err := c.service(c.Data)
	cure := "give --metadata a newer BLOB"
	if err == nil {
		if service.URL != "" {
			cure = "let this machine reach " + service.URL + ": a server fetches the BLOB by itself, every hour until it has"
			service.URL = ""
		}
		err = service.Refresh(ctx)
	}
	if err != nil {
		return []mapae.Finding{problem("metadata", cure, "%v", err)}
	}
	blob := service.Blob()
	if due := blob.NextUpdate; !time.Now().Before(due) {
		return []mapae.Finding{warning("metadata", cure, "number %d is out of date since %s: a server starts with it until %s, and knows of no model that was broken since",
			blob.Number, due.Format(time.DateOnly), due.Add(c.MetadataGrace).Format(time.DateOnly))}
	}
	return []mapae.Finding{well("metadata", "number %d, up to date until %s", blob.Number, blob.NextUpdate.Format(time.DateOnly))}
}
