"""What every stage stands on: settings base, wordings, text and token ids, table schemas, paths, files, manifests."""
