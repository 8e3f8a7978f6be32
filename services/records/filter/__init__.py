"""The filter of List requests: AIP-160 text to a checked condition in SQL.

What the columns and the jsonb below them must look like (`services.records.tables` writes them):

- A top-level scalar, enum, Timestamp or Duration has a typed column under the field's name; Duration is bigint µs, uint64
  numeric(20), a repeated one an array of that type. Without presence it is NOT NULL, with presence NULL means unset.
- A message, a map and a repeated message are jsonb: objects with field names in snake_case as keys, maps as objects (keys
  as text, `true` and `5` included), lists as arrays. An unset message is NULL (column) or an absent key (inside).
- Inside jsonb an absent scalar without presence means its default (so that fields added later work); one with presence
  means unset. A map and a list may be absent or empty. JSON null is never written.
- Inside jsonb Timestamp and Duration are whole µs (since 1970, negative before), enums their numbers, 64-bit integers
  exact numbers, floats numbers or the texts "NaN", "Infinity", "-Infinity". bytes are left out.
"""
