-- Conversations whose transfer waits for the platform's word, and those an unnamed external app holds: few at any time, looked for after a
-- crash. The texts cannot stand inside a value of the JSON, where the quotation marks would be escaped.
create index conversations_in_transfer on conversations (page_id, person_id) where control like '%"transfer":{%';
create index conversations_held_by_unknown on conversations (page_id, person_id) where control like '%"kind":"external","app":null%';
