"""Where tables come from besides plain files: packed files, spreadsheets and databases."""
