//! Every word of the pages, once per language. A language that lacks a text does not compile.

macro_rules! texts {
    ($name:ident: $($key:ident)*) => {
        /// The texts of one subject in one language, by what they say. `{name}` stands for what [`super::fill`] puts in.
        #[derive(Debug)]
        pub struct $name {
            $(pub $key: &'static str,)*
        }

        #[cfg(test)]
        impl $name {
            pub fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($key), self.$key),)*]
            }
        }
    };
    ($($key:ident)*) => {
        /// The texts of one language, by what they say. `{name}` stands for what [`fill`] puts in.
        #[derive(Debug)]
        pub struct Texts {
            $(pub $key: &'static str,)*
            /// Searching, shortcuts, preferences.
            pub desk: &'static desk::Desk,
        }

        #[cfg(test)]
        impl Texts {
            fn all(&self) -> Vec<(&'static str, &'static str)> {
                [vec![$((stringify!($key), self.$key),)*], self.desk.all()].concat()
            }
        }
    };
}

mod de;
pub mod desk;
mod en;

pub use de::DE;
pub use en::EN;

texts! {
    // Login.
    login_title login_lead login_email login_password login_submit login_wrong login_forgotten logout
    // Around everything.
    inbox_title skip language page_filter page_all page_show refresh back close_dialog live_lost live_since live_reload
    // Errors.
    error_missing error_missing_words error_forged error_forged_words error_large error_large_words error_malformed error_malformed_words
    error_many error_many_words error_signed_out error_signed_out_words error_busy error_busy_words error_untold error_untold_words error_defect error_defect_words
    error_to_inbox error_to_login
    // Views and rows.
    views_label view_needs view_mine view_bot view_open view_closed sort_waiting sort_activity sort_closed
    none_needs none_needs_next none_running none_pages none_pages_next none_pages_admin none_mine none_mine_next none_bot none_bot_next none_open none_open_next none_closed none_closed_next
    list_next list_first row_unanswered row_you row_window row_failed row_unknown row_assigned
    person_psid person_igsid
    // Owners.
    owner_idle owner_inbox owner_external owner_moving app_unknown app_page_inbox app_instagram_inbox somebody the_clock
    // The head of a conversation.
    holder_idle holder_app holder_inbox holder_external holder_implied holder_external_unknown holder_moving holder_closed holder_until
    holder_unassigned holder_assigned holder_assigned_you holder_requested holder_requested_by
    channel_messenger channel_instagram
    move_take move_take_open move_take_from move_request move_release move_release_to move_pass move_close move_reopen
    why_may_not_take why_requested why_moving why_no_inbox why_idle why_external
    hint_request hint_request_lapse hint_release
    pass_note pass_to_app pass_to_colleague pass_unassign
    // The timeline.
    timeline_label older newest start today yesterday
    message_removed message_empty message_edited message_reactions message_quick message_tapped message_quoted
    part_image part_video part_audio part_file part_sticker part_location part_template part_link part_post part_story part_unsupported part_other
    role_bot role_app role_external role_elsewhere
    event_raw event_referral event_referral_ad event_optin event_linked event_policy event_order event_feedback event_unknown
    event_handover_pass event_handover_take event_handover_request
    state_accepted state_sending state_sent state_delivered state_read state_failed state_unknown state_superseded
    detail_failed detail_failed_code detail_unknown detail_superseded state_later detail_later slow
    fail_window fail_not_owner fail_unreachable fail_token fail_throttled fail_unknown_person fail_gone
    // Changes of control.
    did_assigned did_assigned_by did_passed did_passed_external did_taken did_taken_idle did_requested did_declined did_lapsed did_released did_extended did_expired
    did_gone did_external did_external_unknown did_implied did_external_ended did_transfer_pass did_transfer_take did_transfer_request did_transfer_ended
    did_granted did_assign did_assign_self did_unassign did_close did_reopen
    fact_reason fact_name fact_order_number fact_topic fact_summary fact_language fact_email fact_phone
    // The composer.
    composer_label reply_label reply_placeholder reply_hint send send_anyway
    window_open window_human window_closed window_never
    blocked_idle blocked_app blocked_external blocked_moving blocked_window blocked_closed blocked_page blocked_refused blocked_no_inbox
    mode_label mode_reply mode_note draft_saved draft_save
    send_more send_close send_release send_release_to send_snooze then_snooze then_not_snoozed kept_awake_written kept_awake_moved
    then_close then_release then_not_closed then_not_released kept_open_written kept_open_moved kept_here_written kept_here_moved
    again again_unknown again_made again_answered
    replies_heading replies_lead replies_title replies_shortcut replies_category replies_body replies_variables replies_whose replies_for_all replies_for_me
    replies_create replies_delete replies_read replies_own replies_shared replies_none_own replies_none_shared replies_empty replies_shortcut_unfit
    replies_long replies_many replies_insert replies_put replies_find replies_none replies_keep replies_blank
    emoji reply_hint_enter
    presence_viewing presence_typing deadline_left deadline_grant deadline_lapse
    fail_link fail_blocked fail_file fail_file_kind fail_file_large fail_permission fail_platform
    note_label note_placeholder note_hint note_save
    guard_title guard_title_minutes guard_title_too guard_title_somebody guard_hint
    problem_empty problem_long problem_bytes problem_refused problem_not_owner problem_platform problem_busy problem_key problem_note_long
    // The side.
    context_label context_person context_name context_unnamed context_first_seen context_page context_handover context_history context_no_history
    // Empty pane.
    empty_title empty_lead empty_keys
    // Shortcuts.
    keys_title keys_switch
    // More views, filters, tags on conversations, read marks.
    view_unassigned view_customer view_elsewhere view_ending view_failed view_snoozed views_more sort_by sort_ending sort_snoozed
    none_unassigned none_unassigned_next none_customer none_customer_next none_elsewhere none_elsewhere_next none_ending none_ending_next
    none_failed none_failed_next none_snoozed none_snoozed_next none_fits none_fits_next none_so_far none_so_far_next
    list_further list_fresh list_changed row_unread row_lease
    filter_title filter_any filter_owner filter_assignee filter_tag filter_window filter_channel filter_language filter_me
    filter_since filter_until filter_since_day filter_until_day filter_unread filter_unanswered filter_remove filter_clear
    filter_window_open filter_window_ending filter_window_human filter_window_closed
    tagging_title tagging_add tagging_choose tagging_remove tagging_none tagging_gone unread_mark
    // Snooze.
    did_snooze did_wake did_wake_by_itself snooze_button snooze_title snooze_later snooze_tomorrow snooze_week snooze_day snooze_time snooze_until
    snooze_submit snooze_end snooze_now snooze_unfit
    // Settings, and the page of tags.
    settings settings_by_admins settings_change settings_save settings_tags
    tags_lead tags_new tags_create tags_name tags_colour tags_archive tags_archived tags_archived_hint tags_restore tags_none
    tags_unfit tags_taken tags_taken_by_another
    colour_red colour_orange colour_yellow colour_green colour_teal colour_blue colour_violet colour_grey
    // Times.
    weekdays weekdays_short months months_short date_long date_short ago_now ago_minutes ago_hours left_both left_hours left_minutes left_moment
}

/// Puts values into a text. What is put in is never read for placeholders again.
pub fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, tail)) = after.split_once('}') else {
            rest = after;
            break;
        };
        if let Some((_, value)) = values.iter().find(|(key, _)| *key == name) {
            filled.push_str(value);
        }
        rest = tail;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placeholders(text: &str) -> Vec<&str> {
        let mut names: Vec<&str> = text.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name)).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_text_says_something_with_the_same_values_in_both_languages() {
        for ((key, english), (_, german)) in EN.all().into_iter().zip(DE.all()) {
            assert!(!english.trim().is_empty() && !german.trim().is_empty(), "{key} is empty");
            assert_eq!(placeholders(english), placeholders(german), "{key}");
        }
    }

    #[test]
    fn names_of_days_and_months_are_complete() {
        for texts in [&EN, &DE] {
            for (names, count) in [(texts.weekdays, 7), (texts.weekdays_short, 7), (texts.months, 12), (texts.months_short, 12)] {
                assert_eq!(names.split_whitespace().count(), count, "{names}");
            }
        }
    }

    #[test]
    fn filling_in_reads_no_placeholder_twice() {
        assert_eq!(fill("{a} and {b}", &[("a", "{b}"), ("b", "two")]), "{b} and two");
        assert_eq!(fill("open { end", &[]), "open  end");
    }
}
